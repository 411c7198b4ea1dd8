import {execFile} from 'node:child_process'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {
  launchdPlist,
  type Service,
  systemdUnit,
  windowsTask,
} from '../../../../src/lib/gateway/background/service-text.ts'

const run = promisify(execFile)

function service(over: Partial<Service> = {}): Service {
  return {
    name: 'work',
    command: [process.execPath, '/opt/docker mcp/docker-mcp.cjs', 'mcp', 'gateway', 'run'],
    cwd: '/',
    env: {DOCKER_HOST: 'unix:///run/docker.sock'},
    log: '/tmp/work.log',
    ...over,
  }
}

const WORDS: readonly (readonly [word: string, systemd: string, windows: string, xml: string])[] = [
  ['plain', '"plain"', 'plain', 'plain'],
  ['', '""', '""', ''],
  ['a b', '"a b"', '"a b"', 'a b'],
  ['50%', '"50%%"', '50%', '50%'],
  ['%h/x', '"%%h/x"', '%h/x', '%h/x'],
  ['say "hi"', '"say \\"hi\\""', '"say \\"hi\\""', 'say &quot;hi&quot;'],
  ["it's", '"it\'s"', "it's", "it's"],
  ['C:\\a b\\', '"C:\\\\a b\\\\"', '"C:\\a b\\\\"', 'C:\\a b\\'],
  ['\\"', '"\\\\\\""', '"\\\\\\""', '\\&quot;'],
  ['$HOME', '"$HOME"', '$HOME', '$HOME'],
  ['a&b<c>', '"a&b<c>"', 'a&b<c>', 'a&amp;b&lt;c&gt;'],
  ['näme', '"näme"', 'näme', 'näme'],
]

describe('a service', () => {
  test.each(WORDS)(
    'writes the word %j for systemd, Windows and launchd',
    (word, systemd, windows, xml) => {
      const one = service({command: ['/bin/x', word]})
      expect(systemdUnit(one)).toContain(`\nExecStart=:"/bin/x" ${systemd}\n`)
      expect(launchdPlist(one)).toContain(`<string>/bin/x</string>\n<string>${xml}</string>\n`)
      const escaped = windows
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('>', '&gt;')
        .replaceAll('"', '&quot;')
      expect(windowsTask(one, 'me')).toContain(`<Arguments>${escaped}</Arguments>`)
    },
  )

  test.each(['a\nExecStartPre=/bin/evil', 'a\0b', 'a\rb'])('refuses %j', word => {
    for (const text of [
      () => systemdUnit(service({command: ['/bin/x', word]})),
      () => systemdUnit(service({env: {DOCKER_HOST: word}})),
      () => systemdUnit(service({cwd: word})),
      () => launchdPlist(service({log: word})),
      () => windowsTask(service({command: ['/bin/x', word]}), 'me'),
    ]) {
      expect(text).toThrow('cannot be written into a service')
    }
  })

  test('never has a folder that takes the next line with it', () => {
    expect(systemdUnit(service({cwd: '/a\\'}))).toContain('\nWorkingDirectory=/a\\/\n')
  })

  test('never has a line more, whatever a word holds', () => {
    const most = systemdUnit(service()).split('\n').length
    fc.assert(
      fc.property(fc.string({unit: 'grapheme'}), word => {
        let text
        try {
          text = systemdUnit(service({command: ['/bin/x', word], cwd: `/${word}`}))
        } catch {
          return
        }
        expect(text.split('\n')).toHaveLength(most)
      }),
    )
  })

  test('with odd paths is one that systemd takes', async context => {
    const dir = await mkdtemp(join(tmpdir(), 'a service 100%h "quoted" '))
    try {
      const file = join(dir, 'docker-mcp-gateway-work.service')
      const env = {DOCKER_CONFIG: dir, DOCKER_HOST: 'ssh://me@host/$HOME'}
      const command = [process.execPath, join(dir, 'x.cjs'), '$HOME', '%n', '']
      await writeFile(file, systemdUnit(service({command, cwd: dir, env, log: join(dir, 'l.log')})))
      const {stderr} = await run('systemd-analyze', ['--user', 'verify', file], {
        env: {...process.env, XDG_RUNTIME_DIR: dir},
      }).catch((error: {code: unknown; stderr: string}) => {
        if (error.code === 'ENOENT') context.skip('there is no systemd here')
        throw error
      })
      expect(stderr).not.toContain('docker-mcp-gateway-work')
    } finally {
      await rm(dir, {recursive: true})
    }
  })

  test('is XML that is well-formed', async context => {
    const odd = service({command: ['/bin/x', '<&">'], env: {DOCKER_HOST: '&'}, cwd: '/<'})
    for (const text of [launchdPlist(odd), windowsTask(odd, 'DOMAIN\\me & you')]) {
      const dir = await mkdtemp(join(tmpdir(), 'service-'))
      const file = join(dir, 'x.xml')
      await writeFile(file, text)
      const parse = 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])'
      const failure = await run('python3', ['-c', parse, file]).then(
        () => undefined,
        (error: {code: unknown; stderr: string}) => error,
      )
      await rm(dir, {recursive: true})
      if (failure?.code === 'ENOENT') context.skip('there is no parser of XML here')
      expect(failure?.stderr).toBe(undefined)
    }
  })
})
