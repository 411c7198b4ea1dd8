import type {Client} from './client.ts'
import {address, command, ENTRY_KEY, mcpServers, servers} from './entries.ts'
import {application, below, CONFIG, everywhere, oneOf, ROAMING} from './places.ts'

const ICONS = 'https://raw.githubusercontent.com/docker/mcp-gateway/main/img/client'

const zed = {
  format: 'json',
  container: ['context_servers'],
  key: ENTRY_KEY,
  entry: command({source: 'custom', enabled: true}),
  urlEntry: address({enabled: true}),
} as const

/** Editors. */
export const EDITORS: readonly Client[] = [
  {
    id: 'antigravity',
    name: 'Antigravity',
    source: 'https://antigravity.google',
    page: 'https://antigravity.google/docs/cli/gcli-migration',
    certainty: 'documented',
    note: 'versions before 2 read ~/.gemini/antigravity/mcp_config.json; an entry there is taken out by hand',
    probes: oneOf(
      everywhere('$HOME/.gemini/config', '$HOME/.gemini/antigravity'),
      below('Antigravity'),
      application('Antigravity'),
    ),
    user: {
      ...mcpServers(command(), address({}, 'serverUrl')),
      places: everywhere('$HOME/.gemini/config/mcp_config.json'),
    },
    project: {
      ...mcpServers(command(), address({}, 'serverUrl')),
      path: '.agents/mcp_config.json',
    },
  },
  {
    id: 'cursor',
    name: 'Cursor',
    source: 'https://www.cursor.com/',
    page: 'https://cursor.com/docs/mcp',
    icon: `${ICONS}/cursor.svg`,
    certainty: 'documented',
    probes: oneOf(everywhere('$HOME/.cursor'), below('Cursor'), application('Cursor')),
    user: {...mcpServers(), places: everywhere('$HOME/.cursor/mcp.json')},
    project: {...mcpServers(), path: '.cursor/mcp.json'},
  },
  {
    id: 'kiro',
    name: 'Kiro',
    source: 'https://kiro.dev/',
    page: 'https://kiro.dev/docs/mcp/configuration',
    icon: 'https://kiro.dev/icon.svg',
    certainty: 'documented',
    note: 'a variable that an entry names, as with --token-env, counts when its setting mcpApprovedEnvVars has it',
    probes: oneOf(everywhere('${KIRO_HOME:-$HOME/.kiro}'), application('Kiro')),
    user: {...mcpServers(), places: everywhere('${KIRO_HOME:-$HOME/.kiro}/settings/mcp.json')},
    project: {...mcpServers(), path: '.kiro/settings/mcp.json'},
  },
  {
    id: 'qoder',
    name: 'Qoder',
    source: 'https://qoder.com',
    certainty: 'seen',
    note: 'the editor; its terminal client is qoder-cli. Its makers document only its settings page',
    probes: oneOf(below('Qoder'), application('Qoder')),
    user: {
      ...mcpServers(command(), address({type: 'http'})),
      places: below('Qoder/SharedClientCache/mcp.json'),
    },
  },
  {
    id: 'trae',
    name: 'Trae',
    source: 'https://www.trae.ai',
    certainty: 'seen',
    note: 'its makers document the file of a project, which it reads when its settings allow that, but not where the file of the user is',
    probes: oneOf(below('Trae'), application('Trae')),
    user: {...mcpServers(), places: below('Trae/User/mcp.json')},
    project: {...mcpServers(), path: '.trae/mcp.json'},
  },
  {
    id: 'visual-studio',
    name: 'Visual Studio',
    source: 'https://visualstudio.microsoft.com',
    page: 'https://learn.microsoft.com/en-us/visualstudio/ide/mcp-servers',
    certainty: 'documented',
    note: 'Windows only; tools of a new server are off until you switch them on. Of a project, it reads .vscode/mcp.json, the file of vscode',
    probes: {
      win32: [
        '${ProgramFiles:-C:/Program Files}/Microsoft Visual Studio/2022',
        '${ProgramFiles:-C:/Program Files}/Microsoft Visual Studio/18',
      ],
    },
    user: {...servers, places: {win32: ['$HOME/.mcp.json']}},
  },
  {
    id: 'vscode',
    name: 'Visual Studio Code',
    source: 'https://code.visualstudio.com/',
    page: 'https://code.visualstudio.com/docs/agents/reference/mcp-configuration',
    icon: `${ICONS}/vscode.svg`,
    certainty: 'documented',
    probes: oneOf(below('Code'), application('Visual Studio Code')),
    user: {...servers, places: below('Code/User/mcp.json')},
    project: {...servers, path: '.vscode/mcp.json'},
  },
  {
    id: 'vscode-insiders',
    name: 'Visual Studio Code Insiders',
    aliases: ['vscode-insider', 'code-insiders'],
    source: 'https://code.visualstudio.com/insiders/',
    page: 'https://code.visualstudio.com/docs/agents/reference/mcp-configuration',
    certainty: 'documented',
    probes: oneOf(below('Code - Insiders'), application('Visual Studio Code - Insiders')),
    user: {...servers, places: below('Code - Insiders/User/mcp.json')},
  },
  {
    id: 'vscode-server',
    name: 'Visual Studio Code, remote side',
    source: 'https://code.visualstudio.com/docs/remote/vscode-server',
    certainty: 'seen',
    note: 'on the machine that VS Code is connected to, WSL too; there it is called the remote user configuration, and its servers run there. Its makers document the command that opens the file, not where it is',
    probes: {linux: ['$HOME/.vscode-server'], darwin: ['$HOME/.vscode-server']},
    user: {
      ...servers,
      places: {
        linux: ['$HOME/.vscode-server/data/User/mcp.json'],
        darwin: ['$HOME/.vscode-server/data/User/mcp.json'],
      },
    },
  },
  {
    id: 'vscodium',
    name: 'VSCodium',
    aliases: ['codium'],
    source: 'https://vscodium.com',
    page: 'https://github.com/VSCodium/vscodium/blob/HEAD/docs/migration.md',
    certainty: 'documented',
    note: 'its makers document the folder, those of Visual Studio Code the file in it',
    probes: oneOf(below('VSCodium'), application('VSCodium')),
    user: {...servers, places: below('VSCodium/User/mcp.json')},
  },
  {
    id: 'windsurf',
    name: 'Windsurf (Devin Desktop)',
    aliases: ['devin', 'devin-desktop'],
    source: 'https://windsurf.com',
    page: 'https://docs.devin.ai/desktop/cascade/mcp',
    certainty: 'documented',
    note: 'called Devin Desktop since June 2026, with a file of its own; it still reads the one of Windsurf',
    probes: oneOf(
      {linux: [`${CONFIG}/devin`], darwin: [`${CONFIG}/devin`], win32: [`${ROAMING}/devin`]},
      everywhere('$HOME/.codeium/windsurf'),
      application('Windsurf'),
    ),
    user: {
      // Its older agent, Cascade, reads url as well as serverUrl; the newer one only url.
      ...mcpServers(),
      places: oneOf(
        {
          linux: [`${CONFIG}/devin/mcp_config.json`],
          darwin: [`${CONFIG}/devin/mcp_config.json`],
          win32: [`${ROAMING}/devin/mcp_config.json`],
        },
        everywhere('$HOME/.codeium/windsurf/mcp_config.json'),
      ),
    },
  },
  {
    id: 'zed',
    name: 'Zed',
    source: 'https://zed.dev/',
    page: 'https://zed.dev/docs/ai/mcp',
    icon: `${ICONS}/zed.png`,
    certainty: 'documented',
    probes: {
      linux: [`${CONFIG}/zed`],
      darwin: ['$HOME/.config/zed', ...application('Zed').darwin],
      win32: [`${ROAMING}/Zed`, '$HOME/.config/zed'],
    },
    user: {
      ...zed,
      places: {
        linux: [`${CONFIG}/zed/settings.json`],
        darwin: ['$HOME/.config/zed/settings.json'],
        win32: [`${ROAMING}/Zed/settings.json`, '$HOME/.config/zed/settings.json'],
      },
    },
    project: {...zed, path: '.zed/settings.json'},
  },
]
