import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {ImagePuller} from '../../../../src/lib/gateway/upstream/image.ts'
import {prefetch} from '../../../../src/lib/gateway/upstream/prefetch.ts'

const never = new AbortController().signal
const facts = {
  id: 'x',
  architecture: 'amd64',
  os: 'linux',
  user: '',
  entrypoint: [],
  cmd: [],
  labels: {},
  volumes: [],
  workingDir: '',
  size: 1,
  repoDigests: [],
}
const names = (count: number) =>
  Array.from({length: count}, (_, index) => ({name: `s${index}`, image: `a/b:${index}`}))

describe('prefetch', () => {
  test('asks for each image once, two at a time, and tells of every server that has it', async () => {
    const asked: string[] = []
    const ready: string[] = []
    let [running, most] = [0, 0]
    const ensureImage: ImagePuller = async ({image}) => {
      asked.push(image)
      running += 1
      most = Math.max(most, running)
      await new Promise(setImmediate)
      running -= 1
      return {facts, reference: image, wasPulled: true, mayBeOld: false}
    }
    const specs = [...names(5), ...names(5), {name: 'own', image: 'localhost/own:1'}]
    const onReady = ({name}: {name: string}) => void ready.push(name)
    await prefetch(specs, {ensureImage, onReady, onFailed: () => undefined, signal: never})
    expect(asked).toEqual([...names(5).map(({image}) => image), 'localhost/own:1'])
    expect(ready.toSorted()).toEqual(specs.map(({name}) => name).toSorted())
    expect(most).toBe(2)
  })

  test('tells what cannot be had, but not that the engine is away, nor what is made here', async () => {
    const told: string[] = []
    const refusals = [
      new PluginError('IMAGE_MISSING', 'server s0: no'),
      new PluginError('ENGINE_UNREACHABLE', 'no engine'),
      new Error('a bug'),
    ]
    const ensureImage: ImagePuller = ({name}) => Promise.reject(refusals[Number(name.slice(1))])
    const onFailed = (_spec: unknown, {message}: PluginError) => void told.push(message)
    const specs = [...names(3), {name: 's0', image: 'localhost/own:1'}]
    await prefetch(specs, {ensureImage, onReady: () => undefined, onFailed, signal: never})
    expect(told).toEqual(['server s0: no'])
  })

  test('begins no further pull once the gateway stops, and says nothing then', async () => {
    const told: string[] = []
    const asked: string[] = []
    const stop = new AbortController()
    const ensureImage: ImagePuller = async ({image}) => {
      asked.push(image)
      stop.abort()
      throw new PluginError('IMAGE_MISSING', 'cut off')
    }
    const onFailed = (_spec: unknown, {message}: PluginError) => void told.push(message)
    const how = {ensureImage, onReady: () => undefined, onFailed, signal: stop.signal}
    await prefetch(names(5), how)
    expect(asked).toEqual(['a/b:0'])
    expect(told).toEqual([])
  })
})
