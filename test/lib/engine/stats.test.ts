import {execFile} from 'node:child_process'
import {promisify} from 'node:util'

import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'

import {statsAnswer} from '../../../src/lib/engine/stats.ts'
import {sampleImage} from '../../support/cli-catalog.ts'
import {testEngine} from '../../support/in-process-gateway.ts'

const run = promisify(execFile)
const READ = '2026-01-02T03:04:05.678901234Z'

function answer(memory: object, read = READ): unknown {
  return {read, memory_stats: memory, cpu_stats: {cpu_usage: {total_usage: 7}}}
}

describe('what a container takes', () => {
  test.for<[string, object, object]>([
    [
      'control groups of version 1',
      {usage: 100, limit: 1000, stats: {total_inactive_file: 30, inactive_file: 20, cache: 60}},
      {memoryBytes: 70, memoryLimitBytes: 1000},
    ],
    [
      'control groups of version 2',
      {usage: 100, limit: 1000, stats: {inactive_file: 20, file: 60}},
      {memoryBytes: 80, memoryLimitBytes: 1000},
    ],
    [
      'more to take back than is used',
      {usage: 100, stats: {inactive_file: 200}},
      {memoryBytes: 100},
    ],
    ['no details and no limit', {usage: 100, limit: 0, stats: null}, {memoryBytes: 100}],
  ])('is read with %s', ([_what, memory, wanted]) => {
    const at = new Date('2026-01-02T03:04:05.678Z')
    expect(statsAnswer.parse(answer(memory))).toEqual({cpuNanos: 7, at, ...wanted})
  })

  test('is not told for one that does not run', () => {
    expect(statsAnswer.parse(answer({}, '0001-01-01T00:00:00Z'))).toBeUndefined()
    expect(statsAnswer.parse(answer({usage: 0}))).toBeUndefined()
    expect(statsAnswer.parse(answer({usage: 1}, 'never'))).toBeUndefined()
  })

  test('is never more than the engine says is used, nor less than nothing', () => {
    const amounts = fc.nat()
    fc.assert(
      fc.property(
        fc.nat(),
        fc.dictionary(fc.constantFrom('total_inactive_file', 'inactive_file'), amounts),
        (usage, stats) => {
          const bytes = statsAnswer.parse(answer({usage, stats}))?.memoryBytes ?? 0
          expect(bytes).toBeLessThanOrEqual(usage)
          expect(bytes).toBeGreaterThanOrEqual(Math.min(usage, 1))
        },
      ),
    )
  })

  test('is refused in another shape, and reading it never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(statsAnswer.safeParse(value).success).toBe(false)
      }),
    )
  })

  test('is undefined for a container that the engine does not have', async () => {
    const engine = await testEngine()
    expect(await engine.stats('no-such-container')).toBeUndefined()
  })
})

test('a container that runs takes what the engine says', async () => {
  const engine = await testEngine()
  const busy = 'setInterval(() => { for (let i = 0; i < 1e7; i++); }, 1)'
  const limits = ['--memory', '64m', '--network', 'none']
  const program = ['--entrypoint', 'node', await sampleImage('everything'), '-e', busy]
  const {stdout} = await run('docker', ['run', '--detach', ...limits, ...program])
  const id = stdout.trim()
  onTestFinished(async () => void (await run('docker', ['rm', '--force', id])))
  const memory = async () => (await engine.stats(id))?.memoryBytes
  await expect.poll(memory).toBeGreaterThan(1024 * 1024)
  const first = await engine.stats(id)
  if (!first) throw new Error('this engine tells nothing')
  expect(first.memoryLimitBytes).toBe(64 * 1024 * 1024)
  expect(first.memoryBytes).toBeLessThanOrEqual(64 * 1024 * 1024)
  const later = async () => (await engine.stats(id)) ?? first
  await expect.poll(async () => (await later()).cpuNanos).toBeGreaterThan(first.cpuNanos)
  await expect.poll(async () => (await later()).at.getTime()).toBeGreaterThan(first.at.getTime())
  await run('docker', ['rm', '--force', id])
  expect(await engine.stats(id)).toBeUndefined()
})
