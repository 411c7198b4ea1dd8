import {join} from 'node:path'
import {createInterface} from 'node:readline'
import {Readable} from 'node:stream'

import {describe, expect, test} from 'vitest'
import * as z from 'zod'

import {importFixture} from '../../scripts/samples.ts'
import {messageOf} from '../../src/lib/base/errors.ts'
import {addCatalog, sampleImage, uniqueName} from '../support/cli-catalog.ts'
import {connectStdio} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/servers')

const statusSchema = z.array(
  z.object({
    name: z.string(),
    state: z.string(),
    reason: z.string().optional(),
    next: z.string().optional(),
  }),
)

/** Three servers that cannot work, each in its own way, and two that can. */
async function enableFive(cli: DockerCli): Promise<void> {
  const [exits, junk, everything, sequentialthinking] = await Promise.all([
    importFixture('cli-exits', join(FIXTURES, 'cli-exits.mjs')),
    importFixture('cli-junk', join(FIXTURES, 'cli-junk.mjs')),
    sampleImage('everything'),
    sampleImage('sequentialthinking'),
  ])
  await addCatalog(cli, {
    missing: {image: 'localhost:1/nobody/has-this:1'},
    exits: {image: exits},
    junk: {image: junk, startTimeout: 2},
    good: {image: everything},
    better: {image: sequentialthinking},
  })
  await cli.mcp('server', 'enable', 'missing', 'exits', 'junk', 'good', 'better')
}

/** What each broken server must say of itself, and what to do, on stderr and in `server status`. */
const REASONS = [
  ['missing', /could not pull localhost:1\/nobody\/has-this:1/, /check the name/],
  [
    'exits',
    /ended with exit code 3; its last words: cannot open \/data\/ledger\.db/,
    /inspect exits/,
  ],
  [
    'junk',
    /did not answer initialize within 2 s.*it printed "Welcome to Junk 1\.0!"/,
    /inspect junk/,
  ],
] as const

describe('three broken servers', () => {
  test('do not keep two good ones from working, and say what is wrong with them', async () => {
    await using cli = await dockerCli()
    await enableFive(cli)
    let said = ''
    {
      await using used = await connectStdio(cli)
      const good = expect.arrayContaining(['echo', 'sequentialthinking'])
      await expect.poll(() => used.toolNames()).toEqual(good)
      expect(await used.text('echo', {message: 'still here'})).toBe('Echo: still here')
      for (const [name, reason, next] of REASONS) {
        const told = new RegExp(`! server ${name}.*${reason.source}.*${next.source}`)
        await expect.poll(() => (said = used.stderr().replace(/\s+/g, ' '))).toMatch(told)
      }
    }
    // One that is being ended is not asleep yet.
    await cli.gone()
    const rows = statusSchema.parse(
      JSON.parse(await cli.mcp('server', 'status', '--format', 'json')),
    )
    const shown = await cli.mcp('server', 'status')
    for (const [name, reason, next] of REASONS) {
      const row = rows.find(one => one.name === name)
      expect(row).toMatchObject({state: 'failed', reason: expect.stringMatching(reason)})
      expect(row?.next).toMatch(next)
      expect(said).toContain(row?.next)
      expect(shown.replace(/\s+/g, ' ')).toMatch(new RegExp(`server ${name}.*${reason.source}`))
    }
    expect(rows.filter(({name}) => name === 'good' || name === 'better')).toMatchObject([
      {state: 'sleeping'},
      {state: 'sleeping'},
    ])
  })
})

describe('gateway run --dry-run', () => {
  test('tells how many tools each server has, and how long it took', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    const {code, stdout, stderr} = await cli.run(['mcp', 'gateway', 'run', '--dry-run'])
    expect(stderr).toMatch(/everything: \(13 tools\)\n/)
    expect(stderr).toMatch(/Initialized in \d+ms\n/)
    expect({code, stdout}).toEqual({code: 0, stdout: ''})
    await cli.gone()
  })

  test('fails when a server fails, and names it', async () => {
    await using cli = await dockerCli()
    await enableFive(cli)
    const {code, stdout, stderr} = await cli.run(['mcp', 'gateway', 'run', '--dry-run'])
    expect({code, stdout}).toEqual({code: 1, stdout: ''})
    expect(stderr).toContain('good: (13 tools)')
    expect(stderr).toContain('not every server could be started: missing, exits, junk')
    await cli.gone()
  })
})

describe('fifty concurrent first calls in one session', () => {
  test('start exactly one container for each server', async () => {
    await using cli = await dockerCli()
    const [one, other] = [uniqueName('everything'), uniqueName('thinking')]
    await addCatalog(cli, {
      [one]: {image: await sampleImage('everything')},
      [other]: {image: await sampleImage('sequentialthinking')},
    })
    await cli.mcp('server', 'enable', one, other)
    const createdOf = creations(cli)
    {
      await using used = await connectStdio(cli)
      const think = {thought: 'x', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1}
      const thought = expect.stringContaining('thoughtNumber')
      const calls = Array.from({length: 50}, (_, index) =>
        index % 2 === 0
          ? onceListed(() => used.text('echo', {message: `call ${index}`}))
          : onceListed(() => used.text('sequentialthinking', think)),
      )
      const answers = calls.map((_, index) => (index % 2 === 0 ? `Echo: call ${index}` : thought))
      expect(await Promise.all(calls)).toEqual(answers)
      expect((await cli.containers()).map(({server}) => server).toSorted()).toEqual(
        [one, other].toSorted(),
      )
    }
    await cli.gone()
    await expect.poll(() => [createdOf(one), createdOf(other)]).toEqual([1, 1])
  })
})

/** Calls again when a server of which nothing is known has not come in time to be asked whose tool it is. */
async function onceListed(call: () => Promise<string>): Promise<string> {
  let said = ''
  await expect
    .poll(async () => (said = await call().catch(messageOf)))
    .not.toContain('; no answer yet from: ')
  return said
}

/**
 * Counts the containers that the engine makes from now on, by server. It must listen all the time: what the engine keeps
 * of events is soon gone on a busy machine.
 */
function creations(cli: DockerCli): (server: string) => number {
  const since = String(Date.now() / 1000 - 1)
  const filters = ['--filter', 'event=create', '--filter', 'label=docker-mcp-name']
  const format = '{{index .Actor.Attributes "docker-mcp-name"}}'
  const {child} = cli.start(['events', '--since', since, ...filters, '--format', format])
  const lines: string[] = []
  createInterface({input: child.stdout ?? Readable.from([])}).on('line', line => lines.push(line))
  return server => lines.filter(line => line === server).length
}
