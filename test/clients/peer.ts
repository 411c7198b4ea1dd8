import {expect} from 'vitest'

import {printedEndpoint} from '../support/cli-client.ts'
import type {DockerCli, Running} from '../support/docker-cli.ts'
import type {Inbox} from '../support/inbox.ts'

export type Headers = Record<string, string>

/** Where a client finds a gateway: a command to start, or an address with the headers that it wants. */
export type Place =
  | {readonly transport: 'stdio'; readonly command: string; readonly args: string[]; env: Headers}
  | {
      readonly transport: 'streaming' | 'sse'
      readonly url: URL
      readonly headers: Headers
      readonly gateway: Running
    }

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

/** Where the clients of a transport find the gateway. One that listens is started here, and serves all that come. */
export async function placeOf(
  transport: (typeof TRANSPORTS)[number],
  cli: DockerCli,
): Promise<Place> {
  if (transport === 'stdio') {
    return {transport, command: 'docker', args: GATEWAY, env: {...cli.env}}
  }
  const gateway = cli.start([...GATEWAY, '--transport', transport, '--port', '0'])
  const {url, token} = await printedEndpoint(gateway)
  return {transport, url, headers: {authorization: `Bearer ${token}`}, gateway}
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
  expect(await peer.toolNames()).toEqual(expect.arrayContaining(['echo', 'sequentialthinking']))

  expect(await peer.call('echo', {message: 'otter'})).toBe('Echo: otter')
  expect(await peer.call('sequentialthinking', THOUGHT)).toContain('"totalThoughts": 3')

  expect(await peer.read(FILE)).toContain('# Everything Server')
  expect(await peer.prompt('args-prompt', {city: 'Ulm'})).toContain('Ulm')
  const argument = {name: 'department', value: 'Eng'}
  expect(await peer.complete('completable-prompt', argument)).toEqual(['Engineering'])

  const steps: number[] = []
  const slow = {duration: 0.3, steps: 3}
  await peer.call('trigger-long-running-operation', slow, step => steps.push(step))
  // The last one comes together with the answer, after which the SDK's first generation hears no more.
  expect(steps.slice(0, 2)).toEqual([1, 2])

  await peer.setLevel('debug')
  await peer.call('toggle-simulated-logging', {})
  expect(await peer.logs.find(() => true)).toMatch(/^[a-z]+$/)
  await peer.call('gzip-file-as-resource', ZIP)
  await peer.changes.find(change => change === 'resources')
  expect(await peer.read('demo://resource/session/otter.gz')).toContain('"blob"')
}

/** What both SDKs' results have in common. */
export function textOf(
  content: readonly {readonly type: string; readonly text?: string}[],
): string {
  return content.map(({type, text}) => text ?? type).join('\n')
}
