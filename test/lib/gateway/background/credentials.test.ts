import {describe, expect, test} from 'vitest'

import {withoutCredentials} from '../../../../src/lib/gateway/background/credentials.ts'

const launch = (globals: readonly string[], flags: readonly string[]) => ({
  globals,
  flags,
  cwd: '/',
})

describe('the flags of a gateway in the background', () => {
  test.each([
    ['--mcp-registry', [], ['--mcp-registry', 'https://u:hunter2@registry.test/x']],
    ['--mcp-registry', [], ['--mcp-registry=https://hunter2@registry.test/x']],
    ['--catalog', [], ['--catalog', 'a.yaml,https://:hunter2@registry.test/x']],
    ['--host', ['--host', 'tcp://user:hunter2@engine.test:2375'], []],
  ])('are refused with a password in %s, which is not said', (flag, globals, flags) => {
    const refused = () => withoutCredentials(launch(globals, flags))
    expect(refused).toThrow(`${flag} holds a password`)
    expect(refused).not.toThrow('hunter2')
  })

  test.each([
    [['--host', 'ssh://me@engine.test:22'], []],
    [
      [],
      ['--mcp-registry=https://registry.test:8443/v0/servers/x@1.0', '--oci-ref', 'a/b:c@sha256:d'],
    ],
    [['--host', 'unix:///run/a:b@c.sock'], []],
  ])('are taken without one: %j %j', (globals, flags) => {
    const wanted = launch(globals, flags)
    expect(withoutCredentials(wanted)).toBe(wanted)
  })
})
