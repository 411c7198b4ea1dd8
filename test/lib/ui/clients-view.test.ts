import {expect, test} from 'vitest'

import {clientsView, type ShownClient} from '../../../src/lib/ui/clients-view.ts'

const CURSOR: ShownClient = {
  id: 'cursor',
  isInstalled: true,
  isConnected: true,
  isOff: false,
  isShared: false,
  isManual: false,
  profile: 'dev',
  file: '~/.cursor/mcp.json',
  problem: undefined,
}
const NOT: ShownClient = {...CURSOR, isConnected: false, profile: ''}

test('clients fit into eighty columns', () => {
  const text = clientsView(
    [
      CURSOR,
      {...CURSOR, id: 'goose', isOff: true, profile: ''},
      {...CURSOR, id: 'kiro', isShared: true, profile: ''},
      {...CURSOR, id: 'codex', profile: undefined},
      {...NOT, id: 'gordon', isManual: true, file: undefined},
      {
        ...NOT,
        id: 'roo-code',
        file: '~/.config/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json',
      },
      {...NOT, id: 'windsurf-jetbrains', isInstalled: false},
      {
        ...NOT,
        id: 'zed',
        problem:
          '/home/ann/.config/zed/settings.json:12:3: this is not JSON\u001b[2J (close brace expected)',
      },
    ],
    80,
  )
  expect(text).toMatchInlineSnapshot(`
    "CLIENT               STATUS           PROFILE        FILE
    cursor               connected        dev            ~/.cursor/mcp.json
    goose                connected, off   (in use)       ~/.cursor/mcp.json
    kiro                 connected        (background)   ~/.cursor/mcp.json
    codex                connected        -              ~/.cursor/mcp.json
    gordon               by hand          -              -
    roo-code             not connected    -              ~/.config/Code/User/global…
    windsurf-jetbrains   not installed    -              ~/.cursor/mcp.json
    zed                  broken           -              ~/.cursor/mcp.json

    zed: /home/ann/.config/zed/settings.json:12:3: this is not JSON?[2J (close brace
    expected)
    "
  `)
  expect(Math.max(...text.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
})
