import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
import {describe, expect, test} from 'vitest'
import * as z from 'zod'
import {missingTools} from '../../scripts/test-tools.ts'
import {addCatalog, uniqueName, type TestEntry} from '../support/cli-catalog.ts'
import {connectStdio} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {fixtureImage} from '../support/fixture-images.ts'
import {openTerminal, type Terminal} from '../support/tmux.ts'

const run = promisify(execFile)
const hasTmux = !(await missingTools()).includes('tmux')

const WATCH = 'docker mcp server status --watch'

/** A cli in which these servers are enabled. */
async function cliWith(servers: Readonly<Record<string, TestEntry>>): Promise<DockerCli> {
  const cli = await dockerCli()
  await addCatalog(cli, servers)
  await cli.mcp('server', 'enable', ...Object.keys(servers))
  return cli
}

/** Thirty servers whose images nobody has. */
const thirty = Object.fromEntries(
  Array.from({length: 30}, (_, index) => [`server-${index}`, {image: `localhost:1/none-${index}`}]),
)

/** Whether the engine can tell what the containers of this cli take: some cannot read their own control groups. */
async function hasFigures(cli: DockerCli): Promise<boolean> {
  const ids = (await cli.containers()).map(({id}) => id)
  const {stdout} = await run('docker', [
    'stats',
    '--no-stream',
    '--format',
    '{{.MemUsage}}',
    ...ids,
  ])
  return !stdout.startsWith('0B')
}

/** A terminal with something on it, and then the screen; after it, how it ended. */
function watching(
  cli: DockerCli,
  more: {command?: string; env?: Record<string, string>; columns?: number; rows?: number} = {},
): Promise<Terminal> {
  const {command = WATCH, env = {}, ...size} = more
  const line = `echo what was there; ${command}; echo "code $?"`
  return openTerminal({command: line, env: {...cli.env, ...env}, ...size})
}

describe.skipIf(!hasTmux)('server status --watch on a terminal', () => {
  test('shows what a gateway does with a server, live, and leaves what was there before', async () => {
    const name = uniqueName('watched')
    await using cli = await cliWith({[name]: {image: await fixtureImage('counts-calls')}})
    await using terminal = await watching(cli)
    await terminal.shows(/^docker mcp server status +1 sleeping$/)
    await terminal.shows(/ no gateway runs$/)
    expect(await terminal.isAlternate()).toBe(true)
    expect(await terminal.screen()).not.toContain('what was there')
    await using used = await connectStdio(cli)
    await used.text('count', {})
    const figures = (await hasFigures(cli)) ? '[\\d.]+[KMG] +<?\\d+%' : '- +-'
    await terminal.shows(new RegExp(`^> ${name} +(?:ready|idle) +1 +\\d+[sm] +${figures} +0 +`))
    await terminal.shows(/ 1 gateway$/)
    await terminal.shows(/^1 container · .*no restarts/)
    const lines = await terminal.screen()
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
    await used[Symbol.asyncDispose]()
    await terminal.shows(new RegExp(`^> ${name} +sleeping +0 +-`))
    await terminal.shows(/ no gateway runs$/)
    await terminal.press('q')
    await terminal.shows(/^code 0$/)
    expect(await terminal.isAlternate()).toBe(false)
    expect((await terminal.screen())[0]).toBe('what was there')
  })

  test('is readable with 30 servers, and moves through them', async () => {
    await using cli = await cliWith(thirty)
    await using terminal = await watching(cli)
    await terminal.shows(/^docker mcp server status +30 not pulled$/)
    await terminal.shows(/^> server-0 +not pulled +0 /)
    await terminal.shows(/1-13 of 30$/)
    await terminal.press('Down', 'j', 'NPage')
    await terminal.shows(/^> server-14 /)
    await terminal.shows(/^server-14: the image localhost:1\/none-14 is not on the engine$/)
    await terminal.shows(/^ {2}docker mcp server install server-14$/)
    await terminal.press('G')
    await terminal.shows(/^> server-29 /)
    await terminal.press('Up', 'k', 'PPage', 'g')
    await terminal.shows(/^> server-0 /)
    await terminal.press('Enter')
    await terminal.shows(/^↑↓ scroll · esc back/)
    await terminal.shows(/^server-0 has no image yet: it is fetched at the first start$/)
    await terminal.press('Escape')
    await terminal.shows(/^> server-0 /)
    await terminal.press('Escape')
    await terminal.shows(/^code 0$/)
  })

  test('follows the size of the terminal, down to a very small one', async () => {
    await using cli = await cliWith(thirty)
    await using terminal = await watching(cli)
    await terminal.shows(/1-13 of 30$/)
    await terminal.resize(40, 8)
    await terminal.shows(/1-4 of 30$/)
    const ends = async () => {
      const lines = await terminal.screen()
      return [...lines.slice(0, 3), lines[7]]
    }
    await expect
      .poll(ends)
      .toEqual([
        'docker mcp server status   30 not pulled',
        '  NAME       STATE       CONT  MEM  LAST',
        '> server-0   not pulled     0    -  -',
        '↑↓ · enter · q quit            1-4 of 30',
      ])
    await terminal.resize(120, 40)
    await terminal.shows(/1-24 of 30$/)
    const servers = async () => (await terminal.screen()).filter(line => /^[> ] server-/.test(line))
    await expect.poll(servers).toHaveLength(24)
    await terminal.press('C-c')
    await terminal.shows(/^code 0$/)
  })

  test('says that nothing is enabled, and then shows what is enabled', async () => {
    await using cli = await dockerCli()
    await addCatalog(cli, {late: {image: 'localhost:1/late'}})
    await using terminal = await watching(cli)
    await terminal.shows(/^No server is enabled\.$/)
    await terminal.shows(/docker mcp server enable <name>$/)
    await cli.mcp('server', 'enable', 'late')
    await terminal.shows(/^> late +not pulled/)
  })

  test('says why the engine cannot be asked, and shows what is known without it', async () => {
    await using cli = await cliWith({one: {image: 'localhost:1/one'}})
    await using terminal = await watching(cli, {
      command: 'docker -H tcp://127.0.0.1:1 mcp server status --watch',
    })
    await terminal.shows(/^! no Docker engine at tcp:\/\/127\.0\.0\.1:1/)
    await terminal.shows(/^> one +unknown/)
  })

  test('says what is wrong with a file while it is, and goes on', async () => {
    await using cli = await cliWith({one: {image: 'localhost:1/one'}})
    await using terminal = await watching(cli)
    await terminal.shows(/^> one +not pulled/)
    await cli.write('config.yaml', 'not: [yaml')
    await terminal.shows(/^! .*config\.yaml/)
    await terminal.shows(/^> one +not pulled/)
    await cli.write('config.yaml', '')
    await expect.poll(() => terminal.screen()).not.toContainEqual(expect.stringMatching(/^! /))
  })

  test('leaves the terminal as it was when it is told to end', async () => {
    await using cli = await cliWith({one: {image: 'localhost:1/one'}})
    // Without docker between, whose own end would show what was there before this one has said so.
    const command = `sh -c 'echo $$ > ${cli.home}/pid; exec ${cli.configDir}/cli-plugins/docker-mcp server status --watch'`
    await using terminal = await watching(cli, {command})
    await terminal.shows(/^> one /)
    await run('sh', ['-c', `kill -TERM "$(cat ${cli.home}/pid)"`])
    await terminal.shows(/^code 0$/)
    expect(await terminal.isAlternate()).toBe(false)
  })

  test('is drawn with colours, but not when NO_COLOR is set', async () => {
    const colour = /\[[\d;]*3[1-7]m/
    await using cli = await cliWith({one: {image: 'localhost:1/one'}})
    await using coloured = await watching(cli)
    await coloured.shows(/^> one +not pulled/)
    expect(await coloured.coloured()).toMatch(colour)
    await using plain = await watching(cli, {env: {NO_COLOR: '1'}})
    await plain.shows(/^> one +not pulled/)
    expect(await plain.coloured()).not.toMatch(colour)
  })

  test('needs no keys to come', async () => {
    await using cli = await cliWith({one: {image: 'localhost:1/one'}})
    await using terminal = await watching(cli, {command: `${WATCH} </dev/null`})
    await terminal.shows(/^ctrl-c quit/)
    await terminal.press('C-c')
    await expect.poll(() => terminal.isAlternate()).toBe(false)
  })

  test('is text on a terminal that can do nothing', async () => {
    await using cli = await cliWith({one: {image: 'localhost:1/one'}})
    await using terminal = await watching(cli, {command: `TERM=dumb ${WATCH}`})
    await terminal.shows(/^one +not pulled/)
    expect(await terminal.isAlternate()).toBe(false)
    expect((await terminal.screen())[0]).toBe('what was there')
  })
})

describe('server status --watch without a terminal', () => {
  test('prints a table each time that something has happened', async () => {
    await using cli = await cliWith({one: {image: 'localhost:1/one'}})
    await addCatalog(cli, {one: {image: 'localhost:1/one'}, two: {image: 'localhost:1/two'}})
    const watch = cli.start(['mcp', 'server', 'status', '--watch'])
    await watch.said(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z\nNAME .*\none +not pulled .*\n\none: .*\n.*\n\n$/,
      'stdout',
    )
    await cli.mcp('server', 'enable', 'two')
    await watch.said(/\n\n\d{4}-.*Z\nNAME .*\none +not pulled .*\ntwo +not pulled /, 'stdout')
    watch.child.kill('SIGINT')
    const {code, stderr} = await watch.ended()
    expect({code, stderr}).toEqual({code: 0, stderr: ''})
  })

  test('prints JSON values in lines of their own', async () => {
    const name = uniqueName('lines')
    await using cli = await cliWith({[name]: {image: await fixtureImage('counts-calls')}})
    const watch = cli.start(['mcp', 'server', 'status', '--watch', '--format', 'json'])
    await watch.said(/\n/, 'stdout')
    await using used = await connectStdio(cli)
    await used.text('count', {})
    await watch.said(/"use":"serving"/, 'stdout')
    await used[Symbol.asyncDispose]()
    await watch.said(
      /"use":"serving".*\n(?:.*\n)*(?=.*"state":"sleeping").*"containers":\[\].*\n/,
      'stdout',
    )
    watch.child.kill('SIGTERM')
    const {stdout} = await watch.ended()
    const lines = stdout.trimEnd().split('\n')
    const states = lines.map(
      line => z.array(z.object({name: z.string(), state: z.string()})).parse(JSON.parse(line))[0],
    )
    expect(states[0]).toEqual({name, state: 'sleeping'})
    expect(states.at(-1)).toEqual({name, state: 'sleeping'})
    expect(new Set(lines).size).toBe(lines.length)
  })

  test.each(['human', 'json'])('ends when nobody reads it any more, as %s', async format => {
    await using cli = await cliWith({one: {image: 'localhost:1/one'}})
    await addCatalog(cli, {one: {image: 'localhost:1/one'}, two: {image: 'localhost:1/two'}})
    // The shell tells what became of the first program of its pipe, which is the one that must end.
    const line = `{ docker mcp server status --watch --format ${format}; echo "code $?" >&2; } | head -n 1`
    const shell = cli.start(['-c', line], {program: 'sh'})
    await shell.said(/\n/, 'stdout')
    await cli.mcp('server', 'enable', 'two')
    expect(await shell.ended()).toMatchObject({code: 0, stderr: 'code 0\n'})
  })

  test('says on stderr why the engine cannot be asked, once', async () => {
    await using cli = await cliWith({one: {image: 'localhost:1/one'}})
    const watch = cli.start(['-H', 'tcp://127.0.0.1:1', 'mcp', 'server', 'status', '--watch'])
    await watch.said(/^no Docker engine at tcp:\/\/127\.0\.0\.1:1 .*\n/)
    await watch.said(/\none +unknown /, 'stdout')
    await addCatalog(cli, {one: {image: 'localhost:1/one'}, two: {image: 'localhost:1/two'}})
    await cli.mcp('server', 'enable', 'two')
    await watch.said(/\ntwo +unknown /, 'stdout')
    watch.child.kill('SIGINT')
    const {stderr} = await watch.ended()
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  test('fails at once with files that are wrong', async () => {
    await using cli = await dockerCli()
    await cli.write('config.yaml', 'not: [yaml')
    const {code, stderr} = await cli.run(['mcp', 'server', 'status', '--watch'])
    expect(code).toBe(1)
    expect(stderr).toContain('config.yaml')
  })
})
