import {fork} from 'node:child_process'
import type {ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import type {Order, Pin, Started} from './gateway-process.ts'
import {runInside} from './relay-program.ts'
import type {Outcome} from './relay-program.ts'

/** A container whose only network is its relay. */
export interface Container extends Started, AsyncDisposable {
  /** Runs a program of node in it: the body of an async function with `args`. */
  run(
    code: string,
    args?: readonly (string | number)[],
    env?: Readonly<Record<string, string>>,
  ): Promise<Outcome>
  /** What was logged since the last time. */
  lines(): Promise<readonly string[]>
  /** Connects from the gateway to a port in it, and gives what is said there. */
  connect(port: number): Promise<string>
  /** Ends the network of it, and not the relay. */
  dispose(): Promise<void>
}

/** A host with addresses of every kind and servers on all of them, see gateway-process.ts. */
export class TestNetwork implements AsyncDisposable {
  readonly #gateway: ChildProcess
  readonly #folder: string
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #last = 0

  private constructor(gateway: ChildProcess, folder: string) {
    this.#gateway = gateway
    this.#folder = folder
    gateway.on('message', ({id, result, error}: {id: number; result?: unknown; error?: string}) => {
      if (error === undefined) this.#waiting.get(id)?.resolve(result)
      else this.#waiting.get(id)?.reject(new Error(error))
      this.#waiting.delete(id)
    })
  }

  static async start(): Promise<TestNetwork> {
    const folder = await mkdtemp(join(tmpdir(), 'docker-mcp-egress-'))
    const gateway = fork(join(import.meta.dirname, 'gateway-process.ts'), [folder], {
      execPath: 'unshare',
      execArgv: ['--net', '--mount', process.execPath],
    })
    const ready = Promise.withResolvers<unknown>()
    const network = new TestNetwork(gateway, folder)
    network.#waiting.set(0, ready)
    gateway.once('exit', code => ready.reject(new Error(`the gateway ended with ${code}`)))
    await ready.promise
    return network
  }

  async container(rules: readonly string[], pins: readonly Pin[] = []): Promise<Container> {
    const started = (await this.#ask({kind: 'start', rules, pins})) as Started
    const {container} = started
    return {
      ...started,
      run: (code, args, env) => runInside(container, code, args, env),
      lines: async () => (await this.#ask({kind: 'lines', container})) as readonly string[],
      connect: async port => String(await this.#ask({kind: 'connect', container, port})),
      dispose: async () => void (await this.#ask({kind: 'dispose', container})),
      [Symbol.asyncDispose]: async () => void (await this.#ask({kind: 'stop', container})),
    }
  }

  /** `address:port` of each connection to a server of the host since the last time. */
  async visits(): Promise<readonly string[]> {
    return (await this.#ask({kind: 'visits'})) as readonly string[]
  }

  /** The names that were looked up since the last time. */
  async lookups(): Promise<readonly string[]> {
    return (await this.#ask({kind: 'lookups'})) as readonly string[]
  }

  /** What keeps the gateway's process busy, but for lookups: nobody can end those. */
  async resources(): Promise<readonly string[]> {
    const all = (await this.#ask({kind: 'resources'})) as readonly string[]
    return all.filter(each => !each.startsWith('GetAddrInfo'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#gateway, 'exit')
    this.#gateway.disconnect()
    await ended
    await rm(this.#folder, {recursive: true})
  }

  #ask(order: Order): Promise<unknown> {
    this.#last += 1
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(this.#last, answer)
    this.#gateway.send({id: this.#last, order})
    return answer.promise
  }
}
