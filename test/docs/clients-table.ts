import type {Client, Platform} from '../../src/lib/clients/client.ts'
import {CLIENTS} from '../../src/lib/clients/table.ts'

/** The table of docs/clients.md, from the data. */
export function clientsTable(): string {
  const rows = CLIENTS.map(client => [
    `\`${client.id}\``,
    client.name,
    client.user ? cellOf(client.user.places) : 'none',
    client.project ? code([client.project.path, ...(client.project.others ?? [])]) : '',
    client.page === undefined
      ? CERTAINTY[client.certainty]
      : `[${CERTAINTY[client.certainty]}](${client.page})`,
  ])
  return [
    ['Client', 'Name', 'File of the user', 'File in a project', 'Known from'],
    ['---', '---', '---', '---', '---'],
    ...rows,
  ]
    .map(row => `| ${row.join(' | ')} |\n`)
    .join('')
}

/** What the data says besides, one line a client. */
export function clientsNotes(): string {
  return CLIENTS.flatMap(({id, note, manual}) =>
    [note, manual].filter(text => text !== undefined).map(text => `- \`${id}\`: ${text}\n`),
  ).join('')
}

const CERTAINTY: Readonly<Record<Client['certainty'], string>> = {
  documented: 'its makers',
  seen: 'other programs',
  uncertain: 'uncertain',
}

const NAMES: Readonly<Record<Platform, string>> = {
  linux: 'Linux',
  darwin: 'macOS',
  win32: 'Windows',
}

/** Platforms with the same places share a line. */
function cellOf(places: Readonly<Partial<Record<Platform, readonly string[]>>>): string {
  const lines = new Map<string, string[]>()
  for (const [platform, name] of Object.entries(NAMES) as [Platform, string][]) {
    const text = code((places[platform] ?? []).map(plain))
    if (text !== '') lines.set(text, [...(lines.get(text) ?? []), name])
  }
  if (lines.size === 1 && [...lines.values()][0]?.length === 3) return [...lines.keys()].join('')
  return [...lines].map(([text, names]) => `${names.join(', ')}: ${text}`).join('<br>')
}

/** A place as people write it: variables that are rarely set are named in the text. */
function plain(place: string): string {
  const short = place
    .replaceAll('${APPDATA:-$HOME/AppData/Roaming}', '%APPDATA%')
    .replaceAll('${LOCALAPPDATA:-$HOME/AppData/Local}', '%LOCALAPPDATA%')
  let text = short
  while (/\$\{\w+:-([^{}]*)\}/.test(text)) text = text.replace(/\$\{\w+:-([^{}]*)\}/g, '$1')
  return text.replaceAll('$HOME', '~')
}

function code(texts: readonly string[]): string {
  return texts.map(text => `\`${text}\``).join(', ')
}

/** The variables that move a client's file. */
export function clientsVariables(): readonly string[] {
  const text = JSON.stringify(CLIENTS.map(({user}) => user?.places))
  const known = new Set(['HOME', 'APPDATA', 'LOCALAPPDATA'])
  return [...new Set([...text.matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name))]
    .filter(name => !known.has(name))
    .toSorted()
}
