import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {Agent} from 'node:http'
import {createInterface} from 'node:readline'
import * as z from 'zod'
import {HELLO, post, TOKEN_HEADERS} from './client.ts'
import type {Subject} from './subject.ts'

/** A tool of a server, and what its first answer holds. */
export interface FirstCall {
  readonly tool: string
  readonly args: object
  readonly expected: string
}

const tools = z.object({result: z.object({tools: z.array(z.object({name: z.string()}))})})

/** A session of the gateway that has asked for nothing yet. */
export interface FreshSession {
  /** What its tools are called. Starts all servers that the gateway does not know. */
  tools(): Promise<readonly string[]>
  /** Calls a tool once. @throws Error when the answer is another one */
  call(tool: string, first: FirstCall): Promise<void>
  close(): Promise<void>
}

/** Opens a session, as a client that knows the tools from an earlier one. */
export async function freshSession({url}: Subject): Promise<FreshSession> {
  const agent = new Agent({keepAlive: true})
  const headers: Record<string, string> = {...TOKEN_HEADERS}
  let id = 0
  const send = (message: object) => post(url, {agent, headers}, JSON.stringify(message))
  const ask = (method: string, params: object) => {
    id += 1
    return send({jsonrpc: '2.0', id, method, params})
  }
  headers['mcp-session-id'] = (await ask('initialize', HELLO)).session
  await send({jsonrpc: '2.0', method: 'notifications/initialized'})
  return {
    async tools() {
      const body = (await ask('tools/list', {})).body.toString()
      const text = body.startsWith('{') ? body : (/^data: (\{.*"result".*)$/m.exec(body)?.[1] ?? '')
      return tools.parse(JSON.parse(text)).result.tools.map(({name}) => name)
    },
    async call(tool, {args, expected}) {
      const {body} = await ask('tools/call', {name: tool, arguments: args})
      demand(body.toString(), expected)
    },
    async close() {
      await fetch(url, {method: 'DELETE', headers})
      agent.destroy()
    },
  }
}

/**
 * Starts a server as a program whose stdin and stdout are ours, introduces itself, lists nothing and calls once.
 * @returns when the answer is there: what ends the program
 */
export async function callProgram(
  command: string,
  args: readonly string[],
  first: FirstCall,
): Promise<() => Promise<void>> {
  const child = spawn(command, args, {stdio: ['pipe', 'pipe', 'inherit']})
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]()
  const exit = once(child, 'exit')
  let id = 0
  const ask = async (method: string, params: object): Promise<string> => {
    id += 1
    child.stdin.write(`${JSON.stringify({jsonrpc: '2.0', id, method, params})}\n`)
    const line = await lines.next()
    if (line.done) throw new Error(`${command} has ended`)
    return line.value
  }
  await ask('initialize', HELLO)
  child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
  demand(await ask('tools/call', {name: first.tool, arguments: first.args}), first.expected)
  return async () => {
    child.stdin.end()
    await exit
  }
}

function demand(answer: string, expected: string): void {
  if (!answer.includes(expected)) throw new Error(`not the answer: ${answer.slice(0, 500)}`)
}
