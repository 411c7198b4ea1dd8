/** Larger messages than this are refused one by one, whichever way they come; the connection stays. */
export const LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024

/** What comes out of a stream of newline-delimited messages (MCP stdio transport). */
export interface LineSink {
  /** One line without its end. Empty lines are passed over. */
  onLine(line: string): void
  /** A line longer than the cap was thrown away, of at least so many bytes. The stream goes on with the next. */
  onOversize(bytes: number): void
}

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * Cuts bytes into lines. Chunks are kept in a list and joined once at the line's end: joining at every chunk
 * costs twenty times as much for a large message.
 * @param maxBytes the longest line that is passed on
 */
export function lineReader(maxBytes: number, sink: LineSink): {push(chunk: Buffer): void} {
  let chunks: Buffer[] = []
  let size = 0
  let dropping = false

  function add(part: Buffer): void {
    size += part.length
    if (dropping || part.length === 0) return
    if (size <= maxBytes) chunks.push(part)
    else {
      dropping = true
      chunks = []
    }
  }

  function finish(): void {
    if (dropping) sink.onOversize(size)
    else if (size > 0)
      emit(sink, chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size))
    chunks = []
    size = 0
    dropping = false
  }

  return {
    push(chunk) {
      let start = 0
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        add(chunk.subarray(start, end))
        finish()
        start = end + 1
      }
      add(chunk.subarray(start))
    },
  }
}

function emit(sink: LineSink, line: Buffer): void {
  const end = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length
  if (end > 0) sink.onLine(line.toString('utf8', 0, end))
}
