import {StringDecoder} from 'node:string_decoder'
import type {Redaction} from '../redaction.ts'
import {lineReader, type LineSink} from '../wire/lines.ts'

/**
 * Cuts what a server prints for people into lines, secrets masked before: one that goes over several lines, or comes in
 * several pieces, is masked whole.
 */
export function maskedLines(
  redaction: Pick<Redaction, 'stream'>,
  maxBytes: number,
  sink: LineSink,
): {push(chunk: Buffer): void; end(): void} {
  const lines = lineReader(maxBytes, sink)
  const decoder = new StringDecoder('utf8')
  const stream = redaction.stream()
  const take = (text: string) => lines.push(Buffer.from(text))
  return {
    push: chunk => take(stream.push(decoder.write(chunk))),
    // Output without a newline at the end still says why a server died.
    end: () => take(`${stream.push(decoder.end())}${stream.flush()}\n`),
  }
}
