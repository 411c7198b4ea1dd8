import {PluginError} from '../base/errors.ts'
import {isKey} from './dotenv.ts'

/** A secret as it is written into a file. */
export interface ExportedSecret {
  readonly name: string
  readonly value: Buffer
}

/** Secrets that no file of KEY=VALUE lines can hold, and why. */
interface Refused {
  readonly names: readonly string[]
  readonly why: string
}

/**
 * Writes secrets as lines of `NAME=value` that `parseDotenv` reads back as they were. What needs no quotes has none, for
 * readers that know no quotes; what single quotes can hold has those, for readers that would replace `$x` in others.
 * @throws PluginError FILE_INVALID, and then for every secret that no such file can hold: by its name, never its value
 */
export function toDotenv(secrets: readonly ExportedSecret[]): string {
  const {text, refused} = dotenvOf(secrets)
  const [first] = refused
  if (!first) return text
  throw new PluginError('FILE_INVALID', `${first.names.join(', ')} ${first.why}`, {
    hint: 'leave it out: name those that should be exported',
  })
}

/** The same of those that such a file can hold, with those that it cannot. */
export function dotenvOf(secrets: readonly ExportedSecret[]): {
  readonly text: string
  readonly refused: readonly Refused[]
} {
  const strange = secrets.filter(({name}) => !isKey(name))
  const lines = secrets.map(({name, value}) => ({name, text: textOf(value)}))
  const binary = lines.filter(({text}) => text === undefined)
  const left = new Set([...strange, ...binary].map(({name}) => name))
  return {
    text: lines
      .filter(({name}) => !left.has(name))
      .map(({name, text = ''}) => `${name}=${quoted(text)}\n`)
      .join(''),
    refused: [
      {secrets: strange, why: 'has a name that cannot stand in a file of KEY=VALUE lines'},
      {secrets: binary, why: 'is no text in UTF-8'},
    ]
      .filter(one => one.secrets.length > 0)
      .map(one => ({names: one.secrets.map(({name}) => name), why: one.why})),
  }
}

function quoted(text: string): string {
  if (/^[\w./:@%+,=~^!?*|;&<>(){}[\]-]*$/.test(text)) return text
  if (!/['\r\n]/.test(text)) return `'${text}'`
  return `"${text.replace(/["\\$\n\r\t]/g, letter => ESCAPES.get(letter) ?? letter)}"`
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['$', '\\$'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

/** A byte order mark is a part of the value like any other character. */
function textOf(value: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(value)
  } catch {
    return undefined
  }
}
