import {readdir, writeFile} from 'node:fs/promises'
import {hostname} from 'node:os'
import {join} from 'node:path'

import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {
  parseRecord,
  readRecords,
  recordsDir,
  removeDead,
  removeRecord,
  writeRecord,
  type GatewayRecord,
} from '../../../../src/lib/gateway/control/record.ts'
import {stateFolder} from './lab.ts'

const owners = fc.stringMatching(/^[0-9a-f]{20}$/)
const records: fc.Arbitrary<GatewayRecord> = fc.record(
  {
    owner: owners,
    pid: fc.integer({min: 1, max: 2 ** 22}),
    host: fc.string({maxLength: 60}),
    socket: fc.stringMatching(/^\/[a-z/]{1,60}$/),
    startedAt: fc
      .date({min: new Date(0), max: new Date(4e12), noInvalidDate: true})
      .map(date => date.toISOString()),
    version: fc.string({maxLength: 20}),
    transport: fc.constantFrom('stdio', 'streaming', 'sse'),
    address: fc.webUrl(),
  },
  {requiredKeys: ['owner', 'pid', 'host', 'socket', 'startedAt', 'version', 'transport']},
)

function record(owner: string, more: Partial<GatewayRecord> = {}): GatewayRecord {
  return {
    owner,
    pid: 1,
    host: hostname(),
    socket: `/nowhere/${owner}.sock`,
    startedAt: '2026-01-01T00:00:00.000Z',
    version: '1',
    transport: 'stdio',
    ...more,
  }
}

describe('a record', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(records, one => {
        expect(parseRecord(JSON.stringify(one))).toEqual(one)
      }),
    )
  })

  test('is none when it is anything else, and reading it never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), text => {
        expect(parseRecord(text)).toBeUndefined()
      }),
    )
    expect(parseRecord('['.repeat(100_000))).toBeUndefined()
  })

  test.for([
    ['an owner that leads out of the folder', {owner: '../../../etc/cron'}],
    ['an owner that is too long', {owner: 'a'.repeat(17)}],
    ['a socket where anybody may listen', {socket: '\0docker-mcp'}],
    ['no socket', {socket: ''}],
    ['a process that is none', {pid: -1}],
    ['a time that is none', {startedAt: 'yesterday'}],
  ] as const)('is refused with %s', ([_what, change]) => {
    expect(
      parseRecord(JSON.stringify({...record('0123456789abcdef0123'), ...change})),
    ).toBeUndefined()
  })
})

describe('the folder of records', () => {
  test('gives all of them, the oldest first, and leaves what is none alone', async () => {
    await using state = await stateFolder()
    expect(await readRecords(state.dir)).toEqual([])
    const young = record('000000000000000000aa', {startedAt: '2026-02-01T00:00:00.000Z'})
    const old = record('000000000000000000bb')
    await writeRecord(state.dir, young)
    await writeRecord(state.dir, old)
    const other = join(recordsDir(state.dir), '000000000000000000cc.json')
    await writeFile(other, '{"owner": 3}')
    // One that says it is somebody else would have that one's record removed.
    await writeFile(join(recordsDir(state.dir), '000000000000000000dd.json'), JSON.stringify(young))
    expect(await readRecords(state.dir)).toEqual([old, young])
    expect(await readdir(recordsDir(state.dir))).toHaveLength(4)
  })

  test('loses the record of a gateway that is dead, and its socket, but no other file', async () => {
    await using state = await stateFolder()
    const dir = recordsDir(state.dir)
    const mine = record('000000000000000000aa', {socket: join(dir, '000000000000000000aa.sock')})
    const liar = record('000000000000000000bb', {socket: join(dir, 'precious')})
    const far = record('000000000000000000cc', {host: 'another-machine'})
    for (const one of [mine, liar, far]) await writeRecord(state.dir, one)
    await writeFile(mine.socket, '')
    await writeFile(liar.socket, '')
    for (const one of [mine, liar, far]) await removeDead(state.dir, one)
    expect((await readdir(dir)).toSorted()).toEqual(['000000000000000000cc.json', 'precious'])
    await removeRecord(state.dir, far.owner)
    await removeRecord(state.dir, far.owner)
    expect(await readdir(dir)).toEqual(['precious'])
  })
})
