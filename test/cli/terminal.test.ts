import {describe, expect, test} from 'vitest'

import {addCatalog} from '../support/cli-catalog.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

/** Runs a command on a terminal of 80 columns, and gives what the terminal received. */
async function onTerminal(cli: DockerCli, command: string): Promise<string> {
  const line = `stty cols 80 rows 24; ${command}`
  const {code, stdout} = await cli.run(['--quiet', '--return', '--command', line, '/dev/null'], {
    program: 'script',
  })
  expect(code, `it printed: ${stdout}`).toBe(0)
  return stdout.replaceAll('\r\n', '\n')
}

const CONTROL_C = '\u0003'

const LONG = `It does this, ${'and that, '.repeat(30)}and all of it well`

async function withLongServer(): Promise<DockerCli> {
  const cli = await dockerCli()
  await addCatalog(cli, {lengthy: {image: 'localhost:1/lengthy', description: LONG}})
  await cli.mcp('server', 'enable', 'lengthy')
  return cli
}

describe('a list', () => {
  test.for(['server ls', 'server search', 'catalog show test'])(
    '%s is cut to the width of a terminal',
    async command => {
      await using cli = await withLongServer()
      const lines = (await onTerminal(cli, `docker mcp ${command}`)).split('\n')
      const line = lines.find(one => one.startsWith('lengthy'))
      expect(line).toBeDefined()
      for (const one of lines) expect(one.length).toBeLessThanOrEqual(80)
    },
  )

  test('is never cut in a pipe', async () => {
    await using cli = await withLongServer()
    expect(await cli.mcp('server', 'ls')).toContain(LONG)
    expect(await cli.mcp('server', 'search')).toContain(LONG)
    expect(await onTerminal(cli, 'docker mcp server ls | cat')).toContain(LONG)
  })
})

describe('text of others', () => {
  test('cannot steer the terminal', async () => {
    await using cli = await dockerCli()
    const description = 'clears \u001b[2J the screen\u0007'
    await addCatalog(cli, {sly: {image: 'localhost:1/sly', description}})
    await cli.mcp('server', 'enable', 'sly')
    for (const command of ['server ls', 'server search', 'server inspect sly']) {
      const shown = await onTerminal(cli, `docker mcp ${command}`)
      expect(shown).toContain('sly')
      expect(shown.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    }
    expect(await cli.mcp('server', 'ls')).toContain(description)
  })
})

describe('gateway run', () => {
  test('tells a person at a terminal what it waits for, and ends on Ctrl-C', async () => {
    await using cli = await dockerCli()
    const args = ['--quiet', '--return', '--command', 'exec docker mcp gateway run', '/dev/null']
    const terminal = cli.start(args, {program: 'script'})
    await terminal.said(/To serve HTTP, add: --transport streaming/, 'stdout')
    await terminal.said(/Initialized in/, 'stdout')
    terminal.child.stdin?.write(CONTROL_C)
    const {code, stdout} = await terminal.ended()
    expect(code).toBe(0)
    expect(stdout).toContain('> Stopping')
  })
})

describe('server install', () => {
  test('draws one line for each server, and ends with what became of it', async () => {
    await using cli = await withLongServer()
    const shown = await onTerminal(
      cli,
      'docker mcp server install everything lengthy || echo "code $?"',
    )
    expect(shown).toContain('everything \u001b[32mis on the engine')
    expect(shown).toContain('lengthy \u001b[31mcould not be pulled')
    expect(shown).toContain('server lengthy: the engine could not pull localhost:1/lengthy')
    expect(shown).toContain('code 1')
    // The cursor is shown again.
    expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'))
  })
})
