import type {PullProgress} from '../../engine/engine.ts'

/** Bytes of all layers that are known so far; both 0 while none is. */
export interface PullSum {
  readonly done: number
  readonly total: number
}

/** No image has more; an engine that names others without end must not fill the memory. */
export const MOST_LAYERS = 1000

export interface LayerSum {
  add(progress: PullProgress): void
  sum(): PullSum
}

/**
 * Adds up what the engine says of each layer: how much of it is here. Unpacking counts again from nothing, and says
 * nothing new of that. A layer is whole when it is said to be, or when it is being unpacked.
 */
export function layerSum(): LayerSum {
  const layers = new Map<string, PullSum>()
  return {
    add({layer, status, current, total}) {
      const known = layers.get(layer)
      if (layer === '' || (!known && layers.size >= MOST_LAYERS)) return
      if (status === 'Downloading' && total !== undefined && total > 0) {
        layers.set(layer, {done: Math.min(Math.max(current ?? 0, 0), total), total})
      } else if (status === 'Extracting' && total !== undefined && total > 0) {
        layers.set(layer, {done: known?.total ?? total, total: known?.total ?? total})
      } else if (known && WHOLE.has(status)) {
        layers.set(layer, {done: known.total, total: known.total})
      }
    },
    sum: () =>
      [...layers.values()].reduce(
        (sum, layer) => ({done: sum.done + layer.done, total: sum.total + layer.total}),
        {done: 0, total: 0},
      ),
  }
}

const WHOLE = new Set(['Verifying Checksum', 'Download complete', 'Pull complete'])

/** So often is a line worth reading. */
const LINE_MS = 5000

/**
 * Says how a pull gets on, in lines for people: when it begins, from time to time, and when it is over.
 * @param what the server and the image, as the lines begin
 * @param now milliseconds from any fixed point
 */
export function pullLines(
  what: {readonly server: string; readonly image: string},
  {notify, now}: {readonly notify: (line: string) => void; readonly now: () => number},
): {add(progress: PullProgress): void; over(): void} {
  const layers = layerSum()
  const began = now()
  let told = {at: began, text: ''}
  notify(`- ${what.server}: pulling ${what.image}`)
  return {
    add(progress) {
      layers.add(progress)
      if (now() - told.at < LINE_MS) return
      const text = partText(layers.sum())
      if (text === undefined || text === told.text) return
      told = {at: now(), text}
      notify(`- ${what.server}: pulling ${what.image}: ${text}`)
    },
    over() {
      const {total} = layers.sum()
      const size = total === 0 ? '' : `${megabytes(total)} MB `
      const seconds = ((now() - began) / 1000).toFixed(1)
      notify(`- ${what.server}: pulled ${what.image}: ${size}in ${seconds} s`)
    },
  }
}

/** Undefined while nothing is known. */
function partText({done, total}: PullSum): string | undefined {
  if (total === 0) return undefined
  return `${Math.floor((100 * done) / total)} % of ${megabytes(total)} MB`
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1)
}
