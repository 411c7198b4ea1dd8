import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process'
import {once} from 'node:events'
import {Agent, type AgentOptions, type ClientRequestArgs} from 'node:http'
import {Socket} from 'node:net'
import {Duplex} from 'node:stream'
import {limitConcurrency} from '../base/async.ts'
import {messageOf, systemCode} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import {shellWord} from '../base/shell-word.ts'
import type {SshHost} from './host.ts'

/** Why ssh brought no connection, in its own words or in those of the docker over there. */
export class SshFailure extends Error {
  override readonly name = 'SshFailure'
  /** The exit code of ssh: 255 is its own failure, any other that of the command over there. */
  readonly exitCode: number | undefined

  constructor(message: string, exitCode?: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/**
 * The command that connects its stdin and stdout to the engine on another machine, as docker runs it (docker/cli,
 * `cli/connhelper`): everything that concerns ssh, keys and jump hosts included, is in the configuration of ssh.
 * @param address as `parseHost` gives it, which lets nothing through that ssh would take for an option
 */
function sshCommand(address: SshHost): readonly [string, ...string[]] {
  const {user, host, port, path} = address
  return [
    'ssh',
    '-o',
    'ConnectTimeout=30',
    '-T',
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    '--',
    host,
    'docker',
    // For the shell over there. Not all of them know these quotes, but a path of plain letters gets none.
    ...(path === undefined ? [] : ['--host', shellWord(`unix://${path}`)]),
    'system',
    'dial-stdio',
  ]
}

/** By default sshd turns connections away at random when more than ten are signing in (sshd_config, `MaxStartups`). */
const MOST_SIGNING_IN = 6

/** An agent of node:http each of whose connections is a run of ssh, which ends with it. */
export class SshAgent extends Agent {
  readonly #command: readonly [string, ...string[]]
  readonly #inTurn = limitConcurrency(MOST_SIGNING_IN)

  constructor(address: SshHost, options: AgentOptions) {
    super(options)
    this.#command = sshCommand(address)
  }

  override createConnection(
    _options: ClientRequestArgs,
    created: (error: Error | null, stream?: Duplex) => void,
  ): undefined {
    const turn = this.#inTurn(async () => {
      const connection = new ProgramConnection(await start(this.#command))
      created(null, connection)
      await signedIn(connection)
    })
    turn.catch(created)
  }
}

async function start([program, ...args]: readonly [
  string,
  ...string[],
]): Promise<ChildProcessWithoutNullStreams> {
  // In a session of its own: Ctrl-C is for us, who end our servers over this very connection.
  const detached = process.platform !== 'win32'
  const child = spawn(program, args, {detached, windowsHide: true, stdio: 'pipe'})
  try {
    await once(child, 'spawn')
    return child
  } catch (error) {
    const isMissing = systemCode(error) === 'ENOENT'
    throw new SshFailure(isMissing ? NO_SSH : `${program} cannot be started: ${messageOf(error)}`)
  }
}

/** What the failure says where there is no program ssh. */
export const NO_SSH = 'the program ssh is not on this machine'

/** Only bytes of the engine tell that ssh is through. A connection that nobody wants any more is set free unused. */
function signedIn(connection: ProgramConnection): Promise<unknown> {
  const {promise, resolve} = Promise.withResolvers<unknown>()
  for (const event of ['spoken', 'free', 'close']) connection.once(event, resolve)
  return promise
}

/** Enough for the last words of ssh, and of any banner before them. */
const LONGEST_WORDS = 8192
const WORDS_MS = 200
const KILL_MS = 2000

/** The stdin and stdout of a program as one stream, with the methods of a socket that node:http calls. */
class ProgramConnection extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams
  #words = ''

  constructor(child: ChildProcessWithoutNullStreams) {
    super({allowHalfOpen: false})
    this.#child = child
    const {stdin, stdout, stderr} = child
    // A write that fails says less than the exit code, which comes.
    for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined)
    stdout.once('data', () => this.emit('spoken'))
    stdout.on('data', chunk => {
      if (!this.push(chunk)) stdout.pause()
    })
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#words = `${this.#words}${text}`.slice(-LONGEST_WORDS)
    })
    const closed = [stdout, stderr].map(
      stream => new Promise(resolve => void stream.once('close', resolve)),
    )
    child.once('exit', (code, signal) => {
      // A connection that ssh keeps for later ones (`ControlPersist`) holds stderr open.
      setTimeout(() => stderr.destroy(), WORDS_MS).unref()
      void Promise.all(closed).then(() => this.#over(code, signal))
    })
    this.once('end', () => this.destroy())
    // Between two requests nobody else listens, and nobody needs to know.
    this.on('error', () => undefined)
  }

  /** The program has ended, and everything that it said was read. */
  #over(code: number | null, signal: NodeJS.Signals | null): void {
    if (code === 0) return void this.push(null)
    const end = code === null ? `ssh was ended by ${signal}` : `ssh ended with code ${code}`
    const words = lastLines(this.#words)
    this.destroy(new SshFailure(words === '' ? end : `${end}: ${words}`, code ?? undefined))
  }

  override _read(): void {
    this.#child.stdout.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#child.stdin.write(chunk, error => {
      // What cannot be written any more is told by the end of the program, with the reason.
      if (!error) done()
    })
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const {stdin, stdout, stderr} = this.#child
    for (const stream of [stdin, stdout, stderr]) stream.destroy()
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM')
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), KILL_MS).unref()
      this.#child.once('exit', () => clearTimeout(timer))
    }
    done(error)
  }

  ref(): this {
    for (const part of this.#parts()) part.ref()
    return this
  }

  /** Lets the process end while the connection waits for another request. */
  unref(): this {
    for (const part of this.#parts()) part.unref()
    return this
  }

  setKeepAlive(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setTimeout(): this {
    return this
  }

  #parts(): readonly {ref(): unknown; unref(): unknown}[] {
    const {stdin, stdout, stderr} = this.#child
    // Pipes of a child are sockets, though their types do not say so.
    return [this.#child, ...[stdin, stdout, stderr].filter(stream => stream instanceof Socket)]
  }
}

const MOST_LINES = 3
const LONGEST_LINE = 300

/** The end of what a program said, in one line. Everything in it may come from the other machine. */
function lastLines(text: string): string {
  const lines = text.split('\n').map(line => oneLine(line.trimEnd()).trim())
  return lines
    .filter(line => line !== '')
    .slice(-MOST_LINES)
    .map(line => line.slice(0, LONGEST_LINE))
    .join('; ')
}
