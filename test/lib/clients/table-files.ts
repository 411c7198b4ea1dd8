import type {ClientFile} from '../../../src/lib/clients/client.ts'

/** Files as people have them, for the format and the container of a client. */
export interface Fixture {
  readonly name: string
  readonly text: string
}

const OTHER = {command: 'npx', args: ['-y', 'other'], env: {KEY: 'kept'}}

/** What a client's file may be like before it is connected. */
export function fixturesFor(file: ClientFile): readonly Fixture[] {
  const plain = {json, yaml, toml}[file.format](file)
  return [
    {name: 'with comments and another server', text: plain},
    {name: 'with CRLF and a byte order mark', text: `\uFEFF${plain.replaceAll('\n', '\r\n')}`},
    {name: 'without a line break at its end', text: plain.trimEnd()},
    ...(file.format === 'json'
      ? [
          {name: 'on one line', text: JSON.stringify({a: 1, ...nested(file, {other: OTHER})})},
          {name: 'empty', text: '{}\n'},
          {name: 'with tabs', text: plain.replaceAll('  ', '\t')},
        ]
      : [{name: 'with nothing but a comment', text: '# kept\n'}]),
  ]
}

/** A comment that somebody writes later, as a line. */
export function laterComment({format}: ClientFile): string {
  return format === 'json' ? '// later\n' : '# later\n'
}

function json(file: ClientFile): string {
  const text = JSON.stringify(
    {theme: 'dark', ...nested(file, {other: OTHER}), last: [1.5]},
    null,
    2,
  )
  return `// kept\n${text.replace('"dark",', '"dark", // kept too').replace(/("kept"\n\s*\}\n\s*\})/, '$1 /* and this */')}\n`
}

function yaml({container, list}: ClientFile): string {
  const keys = container.map((key, depth) => `${pad(depth)}${key}: # kept`)
  const at = pad(container.length)
  const entry = list
    ? [`${at}- ${list.nameKey}: other`, `${at}  command: npx # kept too`]
    : [`${at}other:`, `${at}  cmd: npx # kept too`]
  return ['# kept', 'model: "x"', ...keys, ...entry, '', '# end', 'last: [1.5]', ''].join('\n')
}

function toml({container, list}: ClientFile): string {
  const name = container.join('.')
  const header = list ? [`[[${name}]]`, `${list.nameKey} = "other"`] : [`[${name}.other]`]
  return [
    '# kept',
    "model = 'x' # kept too",
    '',
    ...header,
    'command = "npx"',
    'args = [ "-y", # kept in a list',
    '  "other" ]',
    '',
    '# end',
    '[last]',
    'list = [1.5]',
    '',
  ].join('\n')
}

function nested({container}: ClientFile, servers: object): object {
  return container.reduceRight<object>((inner, key) => ({[key]: inner}), servers)
}

function pad(depth: number): string {
  return '  '.repeat(depth)
}
