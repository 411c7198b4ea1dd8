const RECORD = {variable: 'e', argument: 'a', file: 'f'}
const NUL = Buffer.of(0)

/** `KEY=VALUE` for the program's environment. */
export function variable(entry: string): Buffer {
  return Buffer.concat([Buffer.from(RECORD.variable + entry), NUL])
}

/** The program, or one of its arguments. */
export function argument(text: string): Buffer {
  return Buffer.concat([Buffer.from(RECORD.argument + text), NUL])
}

/** A file that the shim makes. */
export function file(path: string, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([
    Buffer.from(RECORD.file + path),
    NUL,
    Buffer.from(hex(bytes.length)),
    bytes,
  ])
}

/** What the shim reads before all: its records, after a header with their length. */
export function block(...records: readonly Buffer[]): Buffer {
  const body = Buffer.concat(records)
  return Buffer.concat([Buffer.from(`MCPE1 ${hex(body.length)}\n`), body])
}

function hex(length: number): string {
  return length.toString(16).padStart(8, '0')
}
