import * as fc from 'fast-check'
import type {OpenUpstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {isRequest, isUnusable} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {parseMessage} from '../../src/lib/gateway/wire/parse.ts'
import type {Request} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {anyText, bodyText} from './hostile.ts'

/** What a server says when it is asked: texts in which `ID` stands for the id of the request. */
type Reply = readonly string[]

const outcome = fc
  .tuple(fc.constantFrom('result', 'result', 'error'), bodyText)
  .map(([name, body]) => `{"jsonrpc":"2.0","id":ID,"${name}":${body}}`)

const reply: fc.Arbitrary<Reply> = fc.oneof(
  {weight: 8, arbitrary: fc.tuple(outcome)},
  {weight: 2, arbitrary: fc.tuple(outcome, outcome)},
  {weight: 2, arbitrary: fc.constant([])},
  {weight: 1, arbitrary: outcome.map(text => [text.replace('ID', '"ID"')])},
  {weight: 1, arbitrary: fc.array(anyText, {maxLength: 3})},
)

/** Right answers with wrong things in them: what a server must have said before it is asked for anything else. */
const hello = fc.oneof(
  {
    weight: 6,
    arbitrary: bodyText.map(
      body =>
        `{"jsonrpc":"2.0","id":ID,"result":{"capabilities":{"tools":{},"prompts":{},"resources":${body},"completions":{},"logging":{}},"instructions":${body}}}`,
    ),
  },
  {weight: 2, arbitrary: outcome},
)

const items = fc.array(bodyText, {maxLength: 4}).map(bodies => `[${bodies.join(',')}]`)
const list = fc
  .tuple(items, bodyText, fc.constantFrom('', '', '', '', '', '', '"more"', '"MORE"', '1', '{}'))
  .map(([all, odd, cursor]) => {
    const next = cursor === '' ? '' : `,"nextCursor":${cursor}`
    const names = ['tools', 'prompts', 'resources', 'resourceTemplates']
    const members = names.map(name => `"${name}":${all}`).join(',')
    return `{"jsonrpc":"2.0","id":ID,"result":{"odd":${odd},${members}${next}}}`
  })

/** How a server behaves: what it says unasked at each step, and in turn to what it is asked. */
export interface Behaviour {
  readonly hello: readonly string[]
  readonly lists: readonly string[]
  readonly replies: readonly Reply[]
  readonly unasked: readonly string[]
  /** Whether it answers before the sending of the request has returned. */
  readonly atOnce: boolean
}

export const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  hello: fc.oneof(
    {weight: 8, arbitrary: fc.tuple(hello)},
    {weight: 1, arbitrary: fc.tuple(hello, hello)},
    {weight: 1, arbitrary: reply},
  ),
  lists: fc.array(list, {minLength: 1, maxLength: 4}),
  replies: fc.array(reply, {minLength: 1, maxLength: 4}),
  unasked: fc.array(anyText, {maxLength: 6}),
  atOnce: fc.boolean(),
})

/** A server that behaves like this, with a way to let it say what nobody asked for. */
export function hostileServer({hello: first, lists, replies, unasked, atOnce}: Behaviour): {
  open: OpenUpstream
  sayUnasked: () => void
} {
  const says = new Set<(text: string) => void>()
  let turn = 0
  const sayUnasked = () => {
    for (const say of says) for (const text of unasked) say(text)
  }
  const replyTo = ({method}: Request): Reply => {
    turn += 1
    if (method === 'initialize') return first
    if (method.endsWith('/list')) return [lists[turn % lists.length] ?? '']
    return replies[turn % replies.length] ?? []
  }
  return {
    sayUnasked,
    async open({onMessage}) {
      const {promise: closed, resolve} = Promise.withResolvers<void>()
      const say = (text: string) => {
        const message = parseMessage(text)
        if (!isUnusable(message)) onMessage(message)
      }
      const answer = (message: Request) => {
        for (const text of replyTo(message)) {
          say(text.replaceAll('ID', JSON.stringify(message.id)).replaceAll('MORE', String(turn)))
        }
      }
      says.add(say)
      return {
        redact: (said: string) => said,
        send(message) {
          if (!isRequest(message)) return
          if (atOnce) answer(message)
          else queueMicrotask(() => answer(message))
        },
        closed: closed.then(() => ({what: 'was stopped', stderr: [], junk: undefined})),
        async [Symbol.asyncDispose]() {
          says.delete(say)
          resolve()
        },
      }
    },
  }
}
