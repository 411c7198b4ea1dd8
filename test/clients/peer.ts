import {expect} from 'vitest'

import {printedEndpoint} from '../support/cli-client.ts'
import type {DockerCli, Running} from '../support/docker-cli.ts'
import type {Inbox} from '../support/inbox.ts'
import type {InspectorRun} from './inspector.ts'

export type Headers = Record<string, string>

/** What a client connects to: a command to start, or an address with the headers that it wants. */
export type Target = Command | Address

interface Command {
  readonly transport: 'stdio'
  readonly command: string
  readonly args: string[]
  readonly env: Headers
}

interface Address {
  readonly transport: 'streaming' | 'sse'
  readonly url: URL
  readonly headers: Headers
}

/** Where a client finds a gateway. */
export type Place = Command | (Address & {readonly gateway: Running})

export const TRANSPORTS = ['stdio', 'sse', 'streaming'] as const

/** What every client can do, whichever SDK it is made of. Disposing of it ends the session and the connection. */
export interface Peer extends AsyncDisposable {
  /** What the gateway calls itself. */
  readonly server: string | undefined
  /** The levels of the log messages that came. */
  readonly logs: Inbox<string>
  /** Which lists are said to have changed. */
  readonly changes: Inbox<'tools' | 'resources'>
  toolNames(): Promise<readonly string[]>
  /** The text of a tool's result. */
  call(name: string, args: Args, onProgress?: (progress: number) => void): Promise<string>
  /** A resource as JSON. */
  read(uri: string): Promise<string>
  /** A prompt's messages as JSON. */
  prompt(name: string, args: Record<string, string>): Promise<string>
  /** The values that a prompt's argument may have. */
  complete(prompt: string, argument: {name: string; value: string}): Promise<readonly string[]>
  setLevel(level: 'debug'): Promise<void>
}

type Args = Record<string, unknown>

const GATEWAY = ['mcp', 'gateway', 'run']

/**
 * Where the clients of a transport find the gateway. One that listens is started here, and serves all that come.
 * @param flags more of `gateway run`
 */
export async function placeOf(
  transport: (typeof TRANSPORTS)[number],
  cli: DockerCli,
  flags: readonly string[] = [],
): Promise<Place> {
  if (transport === 'stdio') {
    return {transport, command: 'docker', args: [...GATEWAY, ...flags], env: {...cli.env}}
  }
  const gateway = cli.start([...GATEWAY, '--transport', transport, '--port', '0', ...flags])
  const {url, token} = await printedEndpoint(gateway)
  return {transport, url, headers: {authorization: `Bearer ${token}`}, gateway}
}

/** The methods that the clients of both SDKs have, and that do the same. */
interface SdkClient {
  getServerVersion(): {readonly name: string} | undefined
  listTools(): Promise<{readonly tools: readonly {readonly name: string}[]}>
  readResource(params: {uri: string}): Promise<object>
  getPrompt(params: {name: string; arguments: Record<string, string>}): Promise<object>
  complete(params: {
    ref: {type: 'ref/prompt'; name: string}
    argument: {name: string; value: string}
  }): Promise<{readonly completion: {readonly values: readonly string[]}}>
  setLoggingLevel(level: 'debug'): Promise<object>
}

/** What a connected client can do in the same way, whichever SDK it is made of. */
export function sharedPart(client: SdkClient): Omit<Peer, 'logs' | 'changes' | 'call' | symbol> {
  return {
    server: client.getServerVersion()?.name,
    toolNames: async () => (await client.listTools()).tools.map(({name}) => name),
    read: async uri => JSON.stringify(await client.readResource({uri})),
    prompt: async (name, args) => JSON.stringify(await client.getPrompt({name, arguments: args})),
    complete: async (name, argument) =>
      (await client.complete({ref: {type: 'ref/prompt', name}, argument})).completion.values,
    setLevel: async level => void (await client.setLoggingLevel(level)),
  }
}

/** How the clients introduce themselves. */
export const CAPABILITIES = {elicitation: {}, sampling: {}, roots: {}}

/** What they answer when they are asked. */
export const ANSWERS = {
  elicitation: {
    action: 'accept' as const,
    content: {username: 'otter', name: 'Otter', color: 'brown'},
  },
  sampling: {
    role: 'assistant' as const,
    model: 'none',
    content: {type: 'text' as const, text: 'Paris'},
  },
  roots: {roots: [{uri: 'file:///otter'}]},
}

/** A static resource of the server everything. */
export const FILE = 'demo://resource/static/document/features.md'
/** What the server sequentialthinking takes. */
export const THOUGHT = {thought: 'x', thoughtNumber: 1, totalThoughts: 3, nextThoughtNeeded: true}
/** Makes a resource, which changes the list of them. */
const ZIP = {name: 'otter.gz', data: 'data:text/plain,otter', outputType: 'resourceLink'}

/** Uses a gateway with the servers everything and sequentialthinking in every way that a client has. */
export async function useAll(peer: Peer): Promise<void> {
  expect(peer.server).toBe('docker-mcp-gateway')
  // A list does without a server that takes long to start, and says so when it is there.
  const tools = expect.arrayContaining(['echo', 'sequentialthinking'])
  await expect.poll(() => peer.toolNames()).toEqual(tools)

  expect(await peer.call('echo', {message: 'otter'})).toBe('Echo: otter')
  expect(await peer.call('sequentialthinking', THOUGHT)).toContain('"totalThoughts": 3')

  expect(await peer.read(FILE)).toContain('# Everything Server')
  expect(await peer.prompt('args-prompt', {city: 'Ulm'})).toContain('Ulm')
  const argument = {name: 'department', value: 'Eng'}
  expect(await peer.complete('completable-prompt', argument)).toEqual(['Engineering'])

  const steps: number[] = []
  const slow = {duration: 0.3, steps: 3}
  await peer.call('trigger-long-running-operation', slow, step => steps.push(step))
  expect(steps).toEqual([1, 2, 3])

  await peer.setLevel('debug')
  await peer.call('toggle-simulated-logging', {})
  expect(await peer.logs.find(() => true)).toMatch(/^[a-z]+$/)
  await peer.call('gzip-file-as-resource', ZIP)
  await peer.changes.find(change => change === 'resources')
  expect(await peer.read('demo://resource/session/otter.gz')).toContain('"blob"')
}

/** Uses test/fixtures/mcp-server/conformance.mjs in every way that clients of both eras have. */
export async function useFixture(peer: Peer): Promise<void> {
  await expect.poll(() => peer.toolNames()).toContain('test_simple_text')
  expect(await peer.call('test_simple_text', {})).toContain('simple text response')
  expect(await peer.read('test://static-text')).toContain('static text resource')
  const args = {arg1: 'otter', arg2: 'river'}
  expect(await peer.prompt('test_prompt_with_arguments', args)).toContain("arg1='otter'")
  const argument = {name: 'arg1', value: 'par'}
  const values = await peer.complete('test_prompt_with_arguments', argument)
  expect(values).toEqual(['paris', 'park', 'party'])

  const steps: number[] = []
  await peer.call('test_tool_with_progress', {}, step => steps.push(step))
  expect(steps).toEqual([0, 50, 100])

  const elicited = await peer.call('test_elicitation', {message: 'Who are you?'})
  expect(elicited).toContain('action: accept, content: {"username":"otter"')
  expect(await peer.call('test_sampling', {prompt: 'The capital?'})).toBe('LLM response: Paris')
  expect(await peer.call('test_roots', {})).toBe('Roots: file:///otter')
  const inRounds = await peer.call('test_input_required_result_multi_round', {})
  expect(inRounds).toBe('Otter likes brown')
}

/** The same for the inspector, which cannot be asked. */
export const FIXTURE_RUNS: readonly InspectorRun[] = [
  ['tools/list', [], '"test_simple_text"'],
  ['tools/call', ['--tool-name', 'test_simple_text'], 'simple text response'],
  ['resources/read', ['--uri', 'test://static-text'], 'static text resource'],
  ['prompts/get', ['--prompt-name', 'test_simple_prompt'], 'simple prompt'],
]

/** What both SDKs' results have in common. */
export function textOf(
  content: readonly {readonly type: string; readonly text?: string}[],
): string {
  return content.map(({type, text}) => text ?? type).join('\n')
}
