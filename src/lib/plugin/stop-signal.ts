import {connect} from 'node:net'
import type {Socket} from 'node:net'
import {constants} from 'node:os'
import type {Readable} from 'node:stream'

/** Everything that can ask this program to stop. */
export type StopTrigger = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'docker' | 'stdin'

/** The reason that the stop signal aborts with: not a failure, but somebody's wish, by name. */
export class StopRequested extends Error {
  override readonly name = 'StopRequested'
  readonly trigger: StopTrigger

  /** @param trigger who asked */
  constructor(trigger: StopTrigger) {
    super(MESSAGES[trigger])
    this.trigger = trigger
  }
}

/** The two verbs of `process` that are used here. */
export interface SignalSource {
  on(name: NodeJS.Signals, listener: () => void): unknown
  off(name: NodeJS.Signals, listener: () => void): unknown
}

/**
 * Turns everything that can end this program into one AbortSignal: SIGINT, SIGTERM, SIGHUP, the end of docker's
 * plugin socket, and the end of `stdin` if one is given (nothing is read from it here).
 * The socket is watched because docker passes no signal on when its stdout is not a terminal; it closes the socket
 * instead. A socket that cannot be reached is no reason to stop.
 * @param input `env`: where `DOCKER_CLI_PLUGIN_SOCKET` is; `process`: where signals arrive; `onSecond`: called for
 *   every operating system signal after the first, which means "now". The socket and stdin never count as second,
 *   for they end together with the first Ctrl-C
 * @returns `signal` aborts once, its reason a {@link StopRequested}; disposing stops watching
 */
export function watchForStop(input: {
  env: NodeJS.ProcessEnv
  process: SignalSource
  stdin?: Readable | undefined
  onSecond: () => void
}): {readonly signal: AbortSignal; [Symbol.dispose](): void} {
  const controller = new AbortController()
  const stop = (trigger: StopTrigger) => {
    if (!controller.signal.aborted) controller.abort(new StopRequested(trigger))
  }
  const undo = [
    watchSignals(input.process, {stop, onSecond: input.onSecond}),
    watchSocket(pluginSocketPath(input.env['DOCKER_CLI_PLUGIN_SOCKET']), () => stop('docker')),
    watchStdin(input.stdin, () => stop('stdin')),
  ]
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const step of undo) step()
    },
  }
}

/**
 * The path to connect to for the value of `DOCKER_CLI_PLUGIN_SOCKET`. A name in Linux's abstract namespace is
 * written with `@` in the environment and with a NUL byte in the address (unix(7)).
 * @returns undefined when there is no usable name
 */
export function pluginSocketPath(name: string | undefined): string | undefined {
  if (name === undefined || name === '' || name === '@') return undefined
  return name.startsWith('@') ? `\0${name.slice(1)}` : name
}

const MESSAGES: Record<StopTrigger, string> = {
  SIGINT: 'interrupted (SIGINT)',
  SIGTERM: 'asked to terminate (SIGTERM)',
  SIGHUP: 'the terminal has gone (SIGHUP)',
  docker: 'docker has closed the plugin socket',
  stdin: 'standard input has ended',
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function watchSignals(
  source: SignalSource,
  on: {stop: (trigger: StopTrigger) => void; onSecond: () => void},
): () => void {
  let seen = false
  const listeners = SIGNALS.filter(name => name in constants.signals).map(name => {
    const listener = () => {
      if (seen) on.onSecond()
      seen = true
      on.stop(name)
    }
    source.on(name, listener)
    return {name, listener}
  })
  return () => {
    for (const {name, listener} of listeners) source.off(name, listener)
  }
}

function watchSocket(path: string | undefined, onEnd: () => void): () => void {
  if (path === undefined) return () => {}
  let connected = false
  let disposed = false
  const socket: Socket = connect({path})
  socket.once('connect', () => (connected = true))
  // `close` follows every error; an error before `connect` says that nobody is there to watch.
  socket.on('error', () => {})
  socket.once('close', () => {
    if (connected && !disposed) onEnd()
  })
  // The end is only seen by a stream that is read; docker never writes to it.
  socket.resume()
  // Watching must not keep a finished command from ending.
  socket.unref()
  return () => {
    disposed = true
    socket.destroy()
  }
}

function watchStdin(stdin: Readable | undefined, onEnd: () => void): () => void {
  if (!stdin) return () => {}
  if (stdin.readableEnded || stdin.destroyed) onEnd()
  stdin.once('end', onEnd)
  stdin.once('close', onEnd)
  return () => {
    stdin.off('end', onEnd)
    stdin.off('close', onEnd)
  }
}
