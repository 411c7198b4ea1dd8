import {unlessAborted} from '../../base/async.ts'
import {Scope} from '../../base/scope.ts'
import type {Engine} from '../../engine/engine.ts'
import {PluginError} from '../../base/errors.ts'
import {
  type ContainerPlan,
  type ContainerRun,
  removeContainer,
  RunningContainer,
  type RunningParts,
} from './running.ts'

/** What the engine may take to create a container, connect to it and start it, all in all. */
const START_MS = 60_000

/**
 * Creates a container, attaches to it and starts it, as far as its shim, which waits for the block. Attached before it
 * is started: with log driver `none`, what came earlier would be lost. One without a shim runs its program at once.
 * @throws PluginError of the engine, ENGINE_FAILED when it takes too long, or the signal's reason; then nothing is
 *   left behind
 */
export async function parkContainer(
  engine: Engine,
  plan: ContainerPlan,
  signal: AbortSignal,
): Promise<ParkedContainer> {
  await using starting = new Scope()
  if (plan.cleanUp) starting.defer(plan.cleanUp)
  using steps = inTime(signal)
  const {name, options, before, prepare, onLost} = plan
  if (before) await steps.take('make the network of', before)
  // One that comes too late is removed by the engine's own verb.
  const id = await steps.take('create', inner => engine.create(options, inner, name))
  starting.defer(() => removeContainer(engine, id, onLost))
  const socket = await steps.take('connect to', inner => engine.attach(id, inner))
  starting.defer(() => void socket.destroy())
  const exit = engine.wait(id)
  // Asked for early, read late: a failure in between is told by whoever reads it.
  exit.catch(() => undefined)
  await steps.take('start', inner => engine.start(id, inner))
  if (prepare) await steps.take('prepare', inner => prepare(id, inner))
  starting.release()
  return new ParkedContainer({
    engine,
    id,
    socket,
    exit,
    plan,
    life: plan.life.container({id, name}),
  })
}

/** A container that runs and whose program does not yet. Whoever has it disposes of it, or lets it begin. */
export class ParkedContainer implements AsyncDisposable {
  readonly name: string
  /** Settles when the container has ended, or the engine cannot be asked any more. Never rejects. */
  readonly gone: Promise<void>
  readonly #parts: RunningParts
  #disposed: Promise<void> | undefined

  constructor(parts: RunningParts) {
    this.#parts = parts
    this.name = parts.plan.name
    this.gone = parts.exit.then(
      () => undefined,
      () => undefined,
    )
  }

  /** Lets the program begin. From then on the container is the running one's; to be called once. */
  begin(run: ContainerRun): RunningContainer {
    const {socket, life} = this.#parts
    if (run.block) socket.write(run.block)
    life.serves()
    return new RunningContainer(this.#parts, run)
  }

  /** Removes it unused, in bounded time. Never rejects. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    return this.#disposed
  }

  async #dispose(): Promise<void> {
    const {engine, id, socket, plan, life} = this.#parts
    socket.destroy()
    await removeContainer(engine, id, plan.onLost)
    await plan.cleanUp?.()
    life.ended()
  }
}

/** Gives several steps one time limit together. When it is over, nobody waits for the step that was under way. */
function inTime(signal: AbortSignal) {
  const late = new AbortController()
  const either = AbortSignal.any([signal, late.signal])
  let verb = ''
  const timer = setTimeout(() => late.abort(engineTooSlow(verb)), START_MS)
  return {
    take<T>(step: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
      verb = step
      return unlessAborted(run(either), late.signal)
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

function engineTooSlow(verb: string): PluginError {
  const message = `the engine did not ${verb} the container within ${START_MS / 1000} s`
  return new PluginError('ENGINE_FAILED', message, {
    hint: 'see whether the engine still works: docker ps',
  })
}
