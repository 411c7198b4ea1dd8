import type {ContainerSpec} from '../../model/server.ts'
import type {SizeLimit} from './oversize.ts'
import {NO_LINES, type RunningContainer} from './running.ts'
import type {Starter} from './starter.ts'

/** What became of a container that was run for what it prints. */
export interface RunOutcome {
  /** All that it printed on stdout; undefined when that was too much, and it was stopped. */
  readonly stdout: string | undefined
  /** Undefined when it did not end by itself, or not all that it printed has come. */
  readonly exitCode: number | undefined
  /** How it ended, one clause. */
  readonly what: string
  /** The last lines that it wrote to stderr, secrets masked. */
  readonly stderr: readonly string[]
}

/**
 * Runs a container to its end.
 * @param input `signal`: nobody waits for it any more: the container is removed; `known`: told of it while it is there;
 *   `onSign`: called whenever it has printed something, wherever to
 * @throws PluginError that names the server, the cause and the next step; the signal's reason
 */
export async function runOnce(
  starter: Pick<Starter, 'ready'>,
  spec: ContainerSpec,
  input: Pick<SizeLimit, 'maxMessageBytes'> & {
    readonly signal: AbortSignal
    readonly known: (container: RunningContainer) => RunningContainer
    readonly onSign: () => void
  },
): Promise<RunOutcome> {
  const {signal, maxMessageBytes, known, onSign} = input
  const {parked, run} = await starter.ready(spec, signal)
  const chunks: Buffer[] = []
  let size = 0
  const onStdout = (chunk: Buffer) => {
    onSign()
    size += chunk.length
    if (size <= maxMessageBytes) chunks.push(Buffer.from(chunk))
    else end()
  }
  const onStderr = (line: string) => {
    onSign()
    run.onStderr(line)
  }
  const own = {...run, ...NO_LINES, maxMessageBytes, onStdout, onStderr}
  const container = known(parked.container.begin(own))
  function end(): void {
    void container[Symbol.asyncDispose]()
  }
  if (signal.aborted) end()
  signal.addEventListener('abort', end, {once: true})
  const {what, stderr} = await container.closed
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
  const {exitCode} = container
  const isWhole = size <= maxMessageBytes
  return {stdout: isWhole ? Buffer.concat(chunks).toString() : undefined, exitCode, what, stderr}
}
