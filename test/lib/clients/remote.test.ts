import {expect, test} from 'vitest'
import {remoteGateway} from '../../../src/lib/clients/remote.ts'
import {CLIENTS} from '../../../src/lib/clients/table.ts'
import {readPage} from '../../docs/page.ts'

/** How each client that takes a variable wants the name of it. */
const KNOWN: Readonly<Record<string, string>> = {
  'amazon-q': '${env:MY}',
  'claude-code': '${MY}',
  crush: '$MY',
  cursor: '${env:MY}',
  factory: '${MY}',
  gemini: '${MY}',
  goose: '${MY}',
  grok: '${MY}',
  kilo: '{env:MY}',
  kiro: '${MY}',
  opencode: '{env:MY}',
  'qoder-cli': '${MY}',
  'qwen-code': '${MY}',
  'roo-code': '${env:MY}',
  vscode: '${env:MY}',
  'vscode-insiders': '${env:MY}',
  'vscode-server': '${env:MY}',
  vscodium: '${env:MY}',
  windsurf: '${env:MY}',
  'windsurf-jetbrains': '${env:MY}',
}
const ROWS = CLIENTS.flatMap(client => {
  const file = client.user ?? client.shown
  return file?.urlEntry ? [[client.id, {client, file}] as const] : []
})
const URL = 'http://127.0.0.1:1/mcp'

test.each(ROWS.filter(([id]) => id in KNOWN))('%s takes a variable for the token', (id, row) => {
  const {entry} = remoteGateway(row.client, row.file, {url: URL, tokenEnv: 'MY'})
  expect(JSON.stringify(entry)).toContain(`"Bearer ${KNOWN[id]}"`)
})

test.each(ROWS.filter(([id]) => !(id in KNOWN) && id !== 'codex'))(
  '%s is not known to take one',
  (_id, {client, file}) => {
    const entry = () => remoteGateway(client, file, {url: URL, tokenEnv: 'MY'})
    expect(entry).toThrow(/not known to take the value/)
  },
)

test('the page names those that take one', async () => {
  const [, said = ''] =
    /those that are known to have such words:\s([^.]*)\./.exec(await readPage('docs/clients.md')) ??
    []
  const kin = ['vscode', 'vscode-insiders', 'vscode-server', 'vscodium', 'windsurf-jetbrains']
  const named = Object.keys(KNOWN).filter(id => !kin.includes(id))
  expect(said.split(/,?\s+/)).toEqual(expect.arrayContaining([...named, 'codex', 'Code']))
})
