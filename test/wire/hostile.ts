import * as fc from 'fast-check'
import {expect} from 'vitest'

/** Names that a program which looks them up in a plain object finds where nobody has put them. */
export const INHERITED = [
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'valueOf',
  '__defineGetter__',
] as const

const METHODS = [
  'ping',
  'initialize',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'completion/complete',
  'logging/setLevel',
  'tasks/get',
  'server/discover',
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
  'notifications/initialized',
  'notifications/progress',
  'notifications/message',
  'notifications/tools/list_changed',
  'notifications/resources/list_changed',
  'notifications/roots/list_changed',
  'notifications/resources/updated',
  'notifications/elicitation/complete',
  '',
  'vendor/do',
  ...INHERITED,
] as const

const KEYS = [
  ...INHERITED,
  'name',
  'uri',
  'uriTemplate',
  'arguments',
  'cursor',
  'nextCursor',
  'ref',
  'argument',
  'level',
  'tools',
  'inputSchema',
  'capabilities',
  'protocolVersion',
  'progressToken',
  'requestId',
  '_meta',
  'polluted',
] as const

/** The text of a JSON value. Text, since no value in memory has a key twice or a number that is too large. */
const json: fc.Arbitrary<string> = fc.letrec<{value: string; object: string}>(tie => ({
  value: fc.oneof(
    {depthSize: 'small', withCrossShrink: true},
    fc.constantFrom('null', 'true', '0', '-0', '1', '1.5', '1e999', '-1e999', '1e308'),
    fc.constantFrom('9007199254740993', '123456789012345678901234567890', '"2.0"', '"\\ud800"'),
    fc.constantFrom('"ok"', '"beta__ok"', '"a:1"', '"demo"', '""', '"\\u0000"', '"2025-11-25"'),
    fc.constantFrom(...INHERITED).map(name => JSON.stringify(name)),
    fc.string({unit: 'binary', maxLength: 12}).map(text => JSON.stringify(text)),
    fc.array(tie('value'), {maxLength: 4}).map(values => `[${values.join(',')}]`),
    tie('object'),
  ),
  object: fc.array(fc.tuple(key(), tie('value')), {maxLength: 5}).map(objectText),
})).value

/** Nested deeper than what reads JSON by recursion can follow, or just not. */
const deepJson = fc
  .tuple(fc.constantFrom(300, 511, 600, 5000), fc.constantFrom('[|]', '{"a":|}'))
  .map(([levels, pair]) => {
    const [open = '', close = ''] = pair.split('|')
    return `${open.repeat(levels)}${open === '[' ? '' : '1'}${close.repeat(levels)}`
  })

function key(): fc.Arbitrary<string> {
  return fc.oneof(fc.constantFrom(...KEYS), fc.string({unit: 'binary', maxLength: 6}))
}

function objectText(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}

/** What may stand where params or a result belong, mostly an object. */
export const bodyText: fc.Arbitrary<string> = fc.oneof(
  {weight: 6, arbitrary: fc.array(fc.tuple(key(), json), {maxLength: 6}).map(objectText)},
  {weight: 2, arbitrary: json},
  {weight: 1, arbitrary: deepJson},
)

/** Ids that both sides use, so that they meet, and values that are no ids. */
const id = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('1', '2', '3', '4', '"1"', '"g-1"', '0', '-0', '""', '1.5'),
  },
  {weight: 2, arbitrary: fc.constantFrom('"__proto__"', '"\\ud800"', '1e21')},
  {weight: 1, arbitrary: fc.constantFrom('null', 'true', '{}', '[1]', '1e999')},
)

const method = fc.oneof(
  {weight: 8, arbitrary: fc.constantFrom(...METHODS).map(name => JSON.stringify(name))},
  {weight: 1, arbitrary: json},
)

const error = fc.oneof(
  json,
  fc.tuple(json, json).map(([code, message]) => `{"code":${code},"message":${message}}`),
  fc.constant('{"code":-32601,"message":"no"}'),
)

/** The text of something like a JSON-RPC message: members in any order, some of them twice, missing or wrong. */
const rpcText: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof({weight: 9, arbitrary: fc.constant('"2.0"')}, {weight: 1, arbitrary: json}),
    fc.subarray(['id', 'method', 'params', 'result', 'error', 'id', 'params', 'odd']),
    fc.record({id, method, params: bodyText, result: bodyText, error}),
    fc.tuple(key(), json),
    fc.boolean(),
  )
  .map(([version, present, values, odd, last]) => {
    const members = present.map((name): readonly [string, string] =>
      isMember(values, name) ? [name, values[name]] : odd,
    )
    const versioned: readonly [string, string] = ['jsonrpc', version]
    return objectText(last ? [...members, versioned] : [versioned, ...members])
  })

function isMember<T extends object>(values: T, name: string): name is keyof T & string {
  return Object.hasOwn(values, name)
}

/** A call that is right in all but its params. */
const callText: fc.Arbitrary<string> = fc
  .tuple(id, fc.constantFrom(...METHODS), bodyText)
  .map(([own, name, params]) =>
    objectText([
      ['jsonrpc', '"2.0"'],
      ['id', own],
      ['method', JSON.stringify(name)],
      ['params', params],
    ]),
  )

/** Gives up a request, or progress on one, that may be there. */
const noticeText: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom('cancelled', 'progress'), id, fc.tuple(key(), json))
  .map(([name, own, odd]) =>
    objectText([
      ['jsonrpc', '"2.0"'],
      ['method', `"notifications/${name}"`],
      ['params', objectText([odd, ['requestId', own], ['progressToken', own]])],
    ]),
  )

/** A text that stands where a message is expected. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  {weight: 6, arbitrary: rpcText},
  {weight: 4, arbitrary: callText},
  {weight: 1, arbitrary: noticeText},
  {weight: 1, arbitrary: json},
  {weight: 1, arbitrary: deepJson},
  {weight: 1, arbitrary: fc.string({unit: 'binary', maxLength: 30})},
  {
    weight: 1,
    arbitrary: fc
      .array(fc.oneof(rpcText, callText), {maxLength: 4})
      .map(messages => `[${messages.join(',')}]`),
  },
  {weight: 1, arbitrary: rpcText.map(text => text.slice(0, -1))},
)

/** Bytes that stand where a message is expected. */
export const anyBytes: fc.Arbitrary<Buffer> = fc.oneof(
  {weight: 4, arbitrary: anyText.map(text => Buffer.from(text))},
  {weight: 1, arbitrary: fc.uint8Array({maxLength: 40}).map(bytes => Buffer.from(bytes))},
)

/** Where to cut bytes into chunks. */
export const anyCuts: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(), {maxLength: 12})

/** Cuts bytes at these places, some of which may be the same. */
export function cutAt(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const ends = [...cuts.map(place => place % (bytes.length + 1)), bytes.length]
  return ends.toSorted((a, b) => a - b).map((end, at, all) => bytes.subarray(all[at - 1] ?? 0, end))
}

const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype]
const clean = prototypes.map(prototype => Reflect.ownKeys(prototype))

/** Fails when a message has left something on what all objects share. */
export function expectUnpolluted(): void {
  expect(prototypes.map(prototype => Reflect.ownKeys(prototype))).toEqual(clean)
  expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
}
