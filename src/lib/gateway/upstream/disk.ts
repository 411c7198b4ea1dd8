import type {Engine} from '../../engine/engine.ts'

/** So often is looked at what a container has written, in milliseconds. The engine counts file by file. */
const LOOK_MS = 2000
/** What the engine may take to count, in milliseconds. */
const ANSWER_MS = 30_000

/**
 * Watches how much a container writes to its own file system. Docker bounds memory and processes, but the disk only
 * on few file systems, so that one server could fill it for all.
 * @param onFull told once, why, as the rest of a sentence about the server
 */
export function watchDisk(
  input: {readonly engine: Engine; readonly id: string; readonly limit: number},
  onFull: (why: string) => void,
): Disposable {
  const {engine, id, limit} = input
  const stop = new AbortController()
  let timer = lookLater()

  async function look(): Promise<void> {
    const bytes = await written()
    if (stop.signal.aborted) return
    if (bytes > limit) {
      onFull(`wrote ${mebibytes(bytes)} to its disk, and may write ${mebibytes(limit)}`)
    } else {
      timer = lookLater()
    }
  }

  function lookLater(): NodeJS.Timeout {
    return setTimeout(() => void look(), LOOK_MS).unref()
  }

  /** An engine that cannot tell now, or not in time, is asked again later. */
  function written(): Promise<number> {
    const asked = AbortSignal.any([stop.signal, AbortSignal.timeout(ANSWER_MS)])
    return engine.writtenBytes(id, asked).then(
      bytes => bytes ?? 0,
      () => 0,
    )
  }

  return {
    [Symbol.dispose]: () => {
      stop.abort()
      clearTimeout(timer)
    },
  }
}

/** A size as people read it, in steps of 1024 × 1024 bytes. */
export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MB`
}
