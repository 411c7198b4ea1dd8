import {Collector, type Oversize} from './oversize.ts'

/** What comes out of a stream of newline-delimited messages (MCP stdio transport). */
export interface LineSink {
  /** One line without its end. Empty lines are passed over. */
  onLine(line: string): void
  /** A line longer than the cap was thrown away. The stream goes on with the next. */
  onOversize(oversize: Oversize): void
}

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * Cuts bytes into lines. Chunks are kept in a list and joined once at the line's end: joining at every chunk
 * costs twenty times as much for a large message.
 * @param maxBytes the longest line that is passed on
 */
export function lineReader(maxBytes: number, sink: LineSink): {push(chunk: Buffer): void} {
  const line = new Collector(maxBytes)

  function finish(): void {
    const taken = line.take()
    if (Buffer.isBuffer(taken)) emit(sink, taken)
    else if (taken) sink.onOversize(taken)
  }

  return {
    push(chunk) {
      let start = 0
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        line.add(chunk.subarray(start, end))
        finish()
        start = end + 1
      }
      line.add(chunk.subarray(start))
    },
  }
}

function emit(sink: LineSink, line: Buffer): void {
  const end = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length
  if (end > 0) sink.onLine(line.toString('utf8', 0, end))
}
