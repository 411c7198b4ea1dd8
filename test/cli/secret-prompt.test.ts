import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'

import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {openTerminal, type Terminal} from '../support/tmux.ts'

const QUESTION = /^value of a\.key \(not shown\):/
const VALUE = 'psst-3f9a2c'

/** A shell line on a terminal of its own; behind it stands how the terminal was left. */
function ask(cli: DockerCli, command: string): Promise<Terminal> {
  const line = `stty -a > before; ${command}; echo "code $?"; stty -a > after; cmp before after && echo "terminal as before"`
  return openTerminal({command: `cd ${cli.home}; ${line}`, env: cli.env})
}

async function exported(cli: DockerCli): Promise<string> {
  return cli.mcp('secret', 'export', 'a.key')
}

describe('secret set at a terminal', () => {
  test('asks without showing anything, and leaves the terminal as it was', async () => {
    await using cli = await dockerCli()
    await using terminal = await ask(cli, 'docker mcp secret set a.key --store file')
    await terminal.shows(QUESTION)
    await terminal.press('w', 'r', 'o', 'n', 'g', 'C-u')
    await terminal.press('-l', `${VALUE}x`)
    await terminal.press('BSpace', 'Enter')
    await terminal.shows(/^set a\.key in the encrypted file/)
    const screen = await terminal.shows(/^terminal as before/)
    expect(screen).toContain('code 0')
    expect(screen.join('\n')).not.toMatch(/psst|wrong|\*/)
    expect(await exported(cli)).toBe(`a.key=${VALUE}\n`)
  })

  test('changes nothing on Ctrl-C', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=before', '--store', 'file')
    await using terminal = await ask(cli, 'docker mcp secret set a.key --store file')
    await terminal.shows(QUESTION)
    await terminal.press('-l', VALUE)
    await terminal.press('C-c')
    await terminal.shows(/^cancelled: nothing was changed/)
    const screen = await terminal.shows(/^terminal as before/)
    expect(screen).toContain('code 130')
    expect(screen.join('\n')).not.toContain('psst')
    expect(await exported(cli)).toBe('a.key=before\n')
  })

  test('leaves the terminal as it was when it is ended by a signal', async () => {
    await using cli = await dockerCli()
    const command = `sh -c 'echo $$ > pid; exec docker-mcp secret set a.key'`
    const env = {...cli.env, PATH: `${join(cli.configDir, 'cli-plugins')}:${cli.env['PATH']}`}
    const line = `stty -a > before; ${command}; stty -a > after; cmp before after && echo "terminal as before"`
    await using terminal = await openTerminal({command: `cd ${cli.home}; ${line}`, env})
    await terminal.shows(QUESTION)
    process.kill(Number(await readFile(join(cli.home, 'pid'), 'utf8')), 'SIGTERM')
    await terminal.shows(/^terminal as before/)
  })

  test('reads nothing from a terminal that would show it', async () => {
    await using cli = await dockerCli()
    await using terminal = await ask(cli, 'docker mcp secret set a.key 2>err')
    await terminal.shows(/^code 125/)
    await terminal.shows(/^terminal as before/)
    expect(await readFile(join(cli.home, 'err'), 'utf8')).toContain('stderr is no terminal')
  })

  test('refuses an empty answer', async () => {
    await using cli = await dockerCli()
    await using terminal = await ask(cli, 'docker mcp secret set a.key --store file')
    await terminal.shows(QUESTION)
    await terminal.press('Enter')
    await terminal.shows(/^nothing was typed, and nothing was changed/)
    await terminal.shows(/^code 125/)
  })
})

describe('secret rm --all at a terminal', () => {
  test('asks, and goes on for y only', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=before', '--store', 'file')
    await using first = await ask(cli, 'docker mcp secret rm --all')
    await first.shows(/^Remove it\? \[y\/N\]/)
    await first.press('Enter')
    await first.shows(/^cancelled: nothing was changed/)
    await first.shows(/^terminal as before/)
    expect(await exported(cli)).toBe('a.key=before\n')
    await using second = await ask(cli, 'docker mcp secret rm --all')
    await second.shows(/^Remove it\? \[y\/N\]/)
    await second.press('y', 'Enter')
    await second.shows(/^removed a\.key from the encrypted file/)
    await second.shows(/^code 0/)
  })
})

describe('secret export at a terminal', () => {
  test('shows no value', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', `a.key=${VALUE}`, '--store', 'file')
    await using terminal = await ask(cli, 'docker mcp secret export --all')
    const screen = await terminal.shows(/^code 125/)
    expect(screen.join('\n')).toContain('values are not shown on a terminal')
    expect(screen.join('\n')).not.toContain(VALUE)
  })
})
