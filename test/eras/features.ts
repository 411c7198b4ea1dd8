import {randomUUID} from 'node:crypto'
import {expect} from 'vitest'
import {isJsonObject, type Json, type JsonObject} from '../../src/lib/base/json.ts'
import type {Answers, EraClient} from '../support/era-client.ts'
import type {EraWorld} from './era-world.ts'

/** Something that clients do with servers in both eras. */
export interface Feature {
  /** As in the table of docs/protocol.md. */
  readonly name: string
  /** What the client answers when it is asked; without them it declares no capability. */
  readonly answers?: Answers
  /** Uses it. What is not as it should be, throws. */
  run(client: EraClient, world: EraWorld): Promise<void>
}

/** A tool that says by its result that it failed. */
export class ToolFailure extends Error {}

const WATCHED = 'test://watched-resource'
const content = {username: 'otter', name: 'Otter', context: 'rivers', color: 'brown'}
const SAMPLING: Answers = {
  'sampling/createMessage': {
    role: 'assistant',
    model: 'none',
    content: {type: 'text', text: 'Paris'},
  },
}
const ELICITATION: Answers = {'elicitation/create': {action: 'accept', content}}
const ROOTS: Answers = {'roots/list': {roots: [{uri: 'file:///otter'}]}}

/** All of them, in the order of the table. */
export const FEATURES: readonly Feature[] = [
  {
    name: 'tools',
    async run(client) {
      expect(await namesIn(client, 'tools')).toContain('test_simple_text')
      expect(await call(client, 'test_simple_text')).toContain('simple text response')
      const args = {region: 'eu', other: 'x'}
      const mirrored = {Region: 'eu'}
      const params = {name: 'test_with_header', arguments: args}
      expect(textOf(await client.ask('tools/call', params, {mirrored}))).toBe(JSON.stringify(args))
    },
  },
  {
    name: 'prompts',
    async run(client) {
      expect(await namesIn(client, 'prompts')).toContain('test_prompt_with_arguments')
      const args = {arg1: 'otter', arg2: 'river'}
      const params = {name: 'test_prompt_with_arguments', arguments: args}
      const prompt = await client.ask('prompts/get', params)
      expect(JSON.stringify(prompt)).toContain("arg1='otter', arg2='river'")
    },
  },
  {
    name: 'resources and their templates',
    async run(client) {
      expect(await urisIn(client)).toContain('test://static-text')
      const {resourceTemplates} = await client.ask('resources/templates/list')
      expect(JSON.stringify(resourceTemplates)).toContain('test://template/{id}/data')
      expect(await read(client, 'test://static-text')).toContain('static text resource')
      expect(await read(client, 'test://template/7/data')).toContain('Data for ID: 7')
    },
  },
  {
    name: 'completion',
    async run(client) {
      const ref = {type: 'ref/prompt', name: 'test_prompt_with_arguments'}
      const params = {ref, argument: {name: 'arg1', value: 'par'}}
      const {completion} = await client.ask('completion/complete', params)
      expect(completion).toMatchObject({values: ['paris', 'park', 'party']})
    },
  },
  {
    name: 'progress',
    async run(client) {
      const params = {name: 'test_tool_with_progress', _meta: {progressToken: 'otter'}}
      await client.ask('tools/call', params)
      const steps = noticed(client, 'notifications/progress')
      expect(steps.map(({progressToken, progress}) => [progressToken, progress])).toEqual([
        ['otter', 0],
        ['otter', 50],
        ['otter', 100],
      ])
    },
  },
  {
    name: 'log messages, from a level on',
    async run(client) {
      // Who names no level: in the modern era no message, before it as the server likes.
      await call(client, 'test_logging_tool')
      const before = noticed(client, 'notifications/message')
      if (client.era === 'modern') expect(before).toEqual([])
      await client.setLevel('warning')
      await call(client, 'test_logging_tool')
      const after = noticed(client, 'notifications/message').slice(before.length)
      expect(after.map(({level}) => level)).toEqual(['warning', 'error'])
    },
  },
  {
    name: 'cancelling',
    async run(client, {stderr}) {
      const label = randomUUID()
      const giveUp = new AbortController()
      const params = {
        name: 'test_wait',
        arguments: {label},
        _meta: {progressToken: label},
      }
      // In one era it is never answered, in the other one there is nobody to answer any more.
      void client.ask('tools/call', params, {signal: giveUp.signal}).catch(() => undefined)
      await client.notices.find(isNotice('notifications/progress', {progressToken: label}))
      giveUp.abort()
      await stderr.find(line => line.includes(`${label} is cancelled`))
    },
  },
  {
    name: 'sampling',
    answers: SAMPLING,
    async run(client) {
      const text = await call(client, 'test_sampling', {prompt: 'The capital of France?'})
      expect(text).toBe('LLM response: Paris')
    },
  },
  {
    name: 'elicitation by tools, prompts and resources',
    answers: ELICITATION,
    async run(client) {
      const text = await call(client, 'test_elicitation', {message: 'Who are you?'})
      expect(text).toContain('action: accept, content: {"username":"otter"')
      const prompt = await client.ask('prompts/get', {name: 'test_input_required_result_prompt'})
      expect(JSON.stringify(prompt)).toContain('Use this context: rivers')
      expect(await read(client, 'test://asks-first')).toBe('Read by Otter')
    },
  },
  {
    name: 'roots',
    answers: ROOTS,
    async run(client) {
      expect(await call(client, 'test_roots')).toBe('Roots: file:///otter')
    },
  },
  {
    name: 'several questions, at once and in rounds',
    answers: {...SAMPLING, ...ELICITATION, ...ROOTS},
    async run(client) {
      const atOnce = await call(client, 'test_input_required_result_multiple_inputs')
      expect(atOnce).toBe('Paris Otter, 1 roots')
      const inRounds = await call(client, 'test_input_required_result_multi_round')
      expect(inRounds).toBe('Otter likes brown')
    },
  },
  {
    name: 'a question that the client did not declare',
    async run(client) {
      await call(client, 'test_elicitation', {message: 'Who are you?'})
    },
  },
  {
    name: 'subscriptions to resources',
    async run(client) {
      await client.watch([WATCHED])
      const said = await call(client, 'test_change_watched_resource')
      await client.notices.find(isNotice('notifications/resources/updated', {uri: WATCHED}))
      expect(await read(client, WATCHED)).toBe(said)
    },
  },
  {
    name: 'changes of lists',
    async run(client) {
      await client.watch([])
      await toggle(client, true)
      expect(await namesIn(client, 'tools')).toContain('test_extra_tool')
      expect(await namesIn(client, 'prompts')).toContain('test_extra_prompt')
      expect(await urisIn(client)).toContain('test://extra-resource')
      await toggle(client, false)
      expect(await namesIn(client, 'tools')).not.toContain('test_extra_tool')
      expect(await namesIn(client, 'prompts')).not.toContain('test_extra_prompt')
      expect(await urisIn(client)).not.toContain('test://extra-resource')
    },
  },
]

/** Adds one of each kind, or takes it away, and waits until the client has been told. */
async function toggle(client: EraClient, present: boolean): Promise<void> {
  for (const kind of ['tool', 'prompt', 'resource']) {
    const method = `notifications/${kind}s/list_changed`
    const told = noticed(client, method).length
    await call(client, `test_trigger_${kind}_change`, {present})
    await client.notices.find(isNotice(method), told)
  }
}

/** Calls a tool and gives its text. @throws ToolFailure when that is a failure */
async function call(client: EraClient, name: string, args: JsonObject = {}): Promise<string> {
  return textOf(await client.ask('tools/call', {name, arguments: args}))
}

function textOf({content: blocks, isError}: JsonObject): string {
  const texts = objectsIn(blocks).map(({text}) => (typeof text === 'string' ? text : ''))
  if (isError === true) throw new ToolFailure(texts.join('\n'))
  return texts.join('\n')
}

async function read(client: EraClient, uri: string): Promise<Json | undefined> {
  const {contents} = await client.ask('resources/read', {uri})
  return objectsIn(contents)[0]?.['text']
}

async function namesIn(client: EraClient, kind: 'tools' | 'prompts') {
  const {[kind]: list} = await client.ask(`${kind}/list`)
  return objectsIn(list).map(({name}) => name)
}

async function urisIn(client: EraClient) {
  const {resources} = await client.ask('resources/list')
  return objectsIn(resources).map(({uri}) => uri)
}

function objectsIn(list: Json | undefined): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}

/** The params of the notifications of a method that have arrived. */
function noticed(client: EraClient, method: string): readonly JsonObject[] {
  return client.notices.items
    .filter(notice => notice['method'] === method)
    .map(({params}) => (isJsonObject(params) ? params : {}))
}

function isNotice(method: string, members: JsonObject = {}): (notice: JsonObject) => boolean {
  return ({method: own, params}) =>
    own === method &&
    Object.entries(members).every(([key, value]) => isJsonObject(params) && params[key] === value)
}
