import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {afterEach, expect, test} from 'vitest'
import {loadDeafToSignals} from '../../../src/lib/files/signals.ts'

const heard: string[] = []
const ours = () => void heard.push('ours')
afterEach(() => {
  process.removeListener('SIGHUP', ours)
})

test('takes off what a library listens to once, and nothing that was there or is ours', async () => {
  process.on('SIGHUP', ours)
  const before = process.rawListeners('SIGHUP')
  const library = await loadDeafToSignals(async () => {
    process.once('SIGHUP', () => heard.push('library'))
    process.on('SIGHUP', ours)
    return 'the library'
  })
  expect(library).toBe('the library')
  expect(process.rawListeners('SIGHUP')).toEqual([...before, ours])
  process.removeListener('SIGHUP', ours)
})

test('a program that has written a file hears one signal as one', async () => {
  const script = join(import.meta.dirname, '..', '..', 'fixtures', 'count-signals.ts')
  const child = spawn(process.execPath, [script])
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')])
  expect(said).toBe('SIGTERM\nend\n')
})
