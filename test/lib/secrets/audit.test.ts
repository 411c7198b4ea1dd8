import {appendFile, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, onTestFinished, test} from 'vitest'
import {openAudit} from '../../../src/lib/secrets/audit.ts'
import {readAudit} from '../../../src/lib/secrets/audit-log.ts'

async function auditPaths(): Promise<{audit: string; dir: string}> {
  const dir = await mkdtemp(join(tmpdir(), 'audit-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return {dir, audit: join(dir, 'mcp', 'audit.jsonl')}
}

const silent = {
  warn: (line: string) => {
    throw new Error(line)
  },
}
const READ = {secret: 'a.key', server: 'a', store: 'keyring', outcome: 'given'} as const

test('records who read what, where and when, one JSON object a line', async () => {
  const paths = await auditPaths()
  const began = Date.now()
  await openAudit({...silent, paths, by: 'gateway', owner: 'g1'}).record([
    READ,
    {secret: 'b.key', server: 'a', outcome: 'missing'},
  ])
  await openAudit({...silent, paths, by: 'secret export'}).record([
    {secret: 'a.key', store: './x.env', outcome: 'given'},
  ])
  const lines = (await readFile(paths.audit, 'utf8')).trimEnd().split('\n')
  const [first, second, third] = lines.map(line => JSON.parse(line))
  const same = {event: 'secret.read', time: expect.any(String), pid: process.pid}
  expect(first).toEqual({...same, ...READ, by: 'gateway', owner: 'g1'})
  expect(second).toEqual({
    ...same,
    server: 'a',
    secret: 'b.key',
    outcome: 'missing',
    by: 'gateway',
    owner: 'g1',
  })
  expect(third).toEqual({
    ...same,
    secret: 'a.key',
    store: './x.env',
    outcome: 'given',
    by: 'secret export',
  })
  expect(new Date(first.time).getTime()).toBeGreaterThanOrEqual(began)
  expect(new Date(first.time).toISOString()).toBe(first.time)
  expect(lines).toHaveLength(3)
})

test('a name with a line break in it stays on its line', async () => {
  const paths = await auditPaths()
  const odd = {...READ, store: '/a\n{"event":"secret.read"}\u2028/x.env'}
  await openAudit({...silent, paths, by: 'gateway'}).record([odd])
  expect(await readAudit(paths)).toMatchObject([odd])
})

test('gives what was recorded of one server, and since when', async () => {
  const paths = await auditPaths()
  const audit = openAudit({...silent, paths, by: 'gateway'})
  await audit.record([READ, {...READ, server: 'b'}])
  expect(await readAudit(paths, {server: 'b'})).toMatchObject([{server: 'b', secret: 'a.key'}])
  const [{time} = {time: ''}] = await readAudit(paths)
  expect(await readAudit(paths, {since: new Date(time)})).toHaveLength(2)
  expect(await readAudit(paths, {since: new Date(new Date(time).getTime() + 1)})).toEqual([])
})

test('passes over lines that are none of ours', async () => {
  const paths = await auditPaths()
  const audit = openAudit({...silent, paths, by: 'gateway'})
  await audit.record([READ])
  await appendFile(paths.audit, '\n{"event":"secret.read"}\nnot JSON\n[]\n{"time":"x')
  await appendFile(paths.audit, '\n')
  await audit.record([{...READ, server: 'b'}])
  expect((await readAudit(paths)).map(({server}) => server)).toEqual(['a', 'b'])
})

test('is empty where nothing was recorded', async () => {
  const paths = await auditPaths()
  await openAudit({...silent, paths, by: 'gateway'}).record([])
  expect(await readAudit(paths)).toEqual([])
})

test('tells once that it cannot write, and lets the start go on', async () => {
  const paths = await auditPaths()
  await writeFile(join(paths.dir, 'mcp'), '')
  const told: string[] = []
  const audit = openAudit({paths, by: 'gateway', warn: line => void told.push(line)})
  await audit.record([READ])
  await audit.record([READ])
  expect(told).toEqual([
    `! Reads of secrets are not recorded: cannot write ${paths.audit}: a part of the path is not a folder`,
  ])
})
