import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {isJsonObject, type JsonObject} from '../../../../src/lib/base/json.ts'
import {
  mapRelatedTask,
  mapResultTasks,
  mapResultUris,
  mapUiUris,
} from '../../../../src/lib/gateway/relay/places.ts'

const names = ['content', 'contents', 'messages', '_meta', 'ui', 'resourceUri', 'ui/resourceUri']
const more = ['uri', 'resource', 'type', 'task', 'tasks', 'taskId', '__proto__', 'x']
const related = 'io.modelcontextprotocol/related-task'

/** Results in which everything has the right name and may be of the wrong kind. */
const {value: anyValue} = fc.letrec(tie => ({
  value: fc.oneof(
    {maxDepth: 4, withCrossShrink: true},
    fc.constantFrom(null, 0, '', 'text', 'resource', 'resource_link'),
    fc.array(tie('value'), {maxLength: 3}),
    fc.dictionary(fc.constantFrom(...names, ...more, related), tie('value'), {maxKeys: 5}),
  ),
}))
const anyResult = anyValue
  .map((value): unknown => JSON.parse(JSON.stringify(value)))
  .filter(isJsonObject)

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const member of Object.values(value)) deepFreeze(member)
}

const marked = (text: string) => `>${text}`
const unmarked = (text: string) => text.slice(1)
const same = (text: string) => text

describe.each<[string, (result: JsonObject, change: (text: string) => string) => JsonObject]>([
  ['mapResultUris', mapResultUris],
  ['mapUiUris', mapUiUris],
  ['mapResultTasks', mapResultTasks],
  ['mapRelatedTask', mapRelatedTask],
])('%s', (_name, map) => {
  test('gives the same object when nothing differs', () => {
    fc.assert(
      fc.property(anyResult, result => {
        expect(map(result, same)).toBe(result)
      }),
    )
  })

  test('changes nothing in the message itself, and can be turned back', () => {
    fc.assert(
      fc.property(anyResult, result => {
        const before = structuredClone(result)
        deepFreeze(result)
        expect(map(map(result, marked), unmarked)).toEqual(before)
      }),
    )
  })
})

const link = (uri: string) => ({type: 'resource_link', uri})
const embedded = (uri: string) => ({type: 'resource', uri: 'no', resource: {uri}})

const withUri = (uri: string): JsonObject => ({
  uri: 'no',
  content: [link(uri), embedded(uri), {type: 'image', uri: 'no'}, 5],
  contents: [{uri, type: 'no'}, null],
  messages: [{content: link(uri)}, {content: [embedded(uri)]}, {content: 'no'}],
  _meta: {ui: {resourceUri: uri, uri: 'no'}, 'ui/resourceUri': uri, uri: 'no'},
  structuredContent: link('no'),
})

const withTask = (taskId: string): JsonObject => ({
  taskId: 'no',
  task: {taskId, status: 'no'},
  tasks: [{taskId}, 'no', {}],
  _meta: {[related]: {taskId}, taskId: 'no'},
})

test('URIs are changed in every place that has one, and nowhere else', () => {
  expect(mapResultUris(withUri('x'), marked)).toEqual(withUri('>x'))
})

test('task ids are changed in every place that has one, and nowhere else', () => {
  expect(mapResultTasks(withTask('x'), marked)).toEqual(withTask('>x'))
})
