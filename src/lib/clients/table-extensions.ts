import type {Client} from './client.ts'
import {
  address,
  command,
  continueAddress,
  copilotAddress,
  ENTRY_KEY,
  mcpServers,
  opencodeServers,
  servers,
} from './entries.ts'
import {below, CONFIG, everywhere, LOCAL, oneOf, SUPPORT} from './places.ts'

const CLINE = 'User/globalStorage/saoudrizwan.claude-dev'
const CLINE_FILE = 'settings/cline_mcp_settings.json'
const ROO = 'User/globalStorage/rooveterinaryinc.roo-cline'
const CONTINUE = '${CONTINUE_GLOBAL_DIR:-$HOME/.continue}'

const kilo = everywhere(`${CONFIG}/kilo/kilo.jsonc`, `${CONFIG}/kilo/kilo.json`)
const copilot = {
  linux: [`${CONFIG}/github-copilot/intellij`],
  darwin: ['$HOME/.config/github-copilot/intellij', `${SUPPORT}/github-copilot/intellij`],
  win32: [`${LOCAL}/github-copilot/intellij`],
}

/** What is put into editors. */
export const EXTENSIONS: readonly Client[] = [
  {
    id: 'augment',
    name: 'Augment',
    aliases: ['auggie'],
    source: 'https://www.augmentcode.com',
    page: 'https://docs.augmentcode.com/cli/integrations',
    certainty: 'documented',
    note: 'the file is of its terminal client, Auggie; its extensions for editors have a settings page instead, which takes the same JSON',
    probes: everywhere('$HOME/.augment'),
    user: {
      ...mcpServers(command({type: 'stdio'}), address({type: 'http'})),
      places: everywhere('$HOME/.augment/settings.json'),
    },
    project: {
      ...mcpServers(command({type: 'stdio'}), address({type: 'http'})),
      path: '.augment/settings.json',
    },
  },
  {
    id: 'cline',
    name: 'Cline',
    source: 'https://github.com/cline/cline',
    page: 'https://docs.cline.bot/getting-started/config',
    icon: 'https://raw.githubusercontent.com/cline/cline/main/assets/icons/icon.png',
    certainty: 'documented',
    note: 'since version 4 all of Cline shares the file in ~/.cline; older extensions have theirs in the folder of the editor',
    probes: oneOf(
      everywhere('${CLINE_DIR:-$HOME/.cline}'),
      below(`Code/${CLINE}`, `Cursor/${CLINE}`),
    ),
    user: {
      ...mcpServers(command(), address({type: 'streamableHttp'})),
      places: oneOf(
        everywhere(
          `\${CLINE_MCP_SETTINGS_PATH:-\${CLINE_DATA_DIR:-\${CLINE_DIR:-$HOME/.cline}/data}/${CLINE_FILE}}`,
        ),
        below(`Code/${CLINE}/${CLINE_FILE}`, `Cursor/${CLINE}/${CLINE_FILE}`),
      ),
    },
  },
  {
    id: 'continue',
    name: 'Continue.dev',
    source: 'https://www.continue.dev/',
    page: 'https://docs.continue.dev/customize/deep-dives/mcp',
    icon: 'https://raw.githubusercontent.com/docker/mcp-gateway/main/img/client/continue.svg',
    certainty: 'documented',
    probes: everywhere(CONTINUE),
    user: {
      format: 'yaml',
      container: ['mcpServers'],
      key: ENTRY_KEY,
      list: {nameKey: 'name'},
      entry: command(),
      urlEntry: continueAddress,
      places: everywhere(`${CONTINUE}/config.yaml`),
    },
  },
  {
    id: 'copilot-jetbrains',
    name: 'GitHub Copilot in JetBrains',
    source: 'https://plugins.jetbrains.com/plugin/17718-github-copilot',
    certainty: 'uncertain',
    note: 'its makers document what is in the file and how it opens that, not where it is; on macOS, others name two folders, and the one that is there counts',
    probes: copilot,
    user: {
      ...servers,
      urlEntry: copilotAddress,
      places: {
        linux: copilot.linux.map(folder => `${folder}/mcp.json`),
        darwin: copilot.darwin.map(folder => `${folder}/mcp.json`),
        win32: copilot.win32.map(folder => `${folder}/mcp.json`),
      },
    },
  },
  {
    id: 'jetbrains-ai',
    name: 'JetBrains AI Assistant',
    aliases: ['jetbrains'],
    source: 'https://www.jetbrains.com/ai-assistant/',
    page: 'https://www.jetbrains.com/help/ai-assistant/mcp.html',
    certainty: 'documented',
    note: 'it has no file for others to write',
    probes: {},
    manual:
      'in the IDE: Settings | Tools | AI Assistant | Model Context Protocol (MCP) | Add, then paste the entry as JSON',
    shown: mcpServers(),
  },
  {
    id: 'junie',
    name: 'JetBrains Junie',
    aliases: ['jetbrains-junie'],
    source: 'https://www.jetbrains.com/junie/',
    page: 'https://junie.jetbrains.com/docs/junie-cli-mcp-configuration.html',
    certainty: 'documented',
    probes: everywhere('$HOME/.junie'),
    user: {...mcpServers(), places: everywhere('$HOME/.junie/mcp/mcp.json')},
    project: {...mcpServers(), path: '.junie/mcp/mcp.json'},
  },
  {
    id: 'kilo',
    name: 'Kilo Code',
    aliases: ['kilo-code'],
    source: 'https://kilo.ai',
    page: 'https://github.com/Kilo-Org/kilocode/blob/HEAD/packages/kilo-docs/pages/automate/mcp/using-in-kilo-code.md',
    certainty: 'documented',
    note: 'its terminal client and newer extensions share this file; older extensions have a settings page',
    probes: everywhere(`${CONFIG}/kilo`),
    user: {...opencodeServers, places: kilo},
    project: {
      ...opencodeServers,
      path: '.kilo/kilo.jsonc',
      others: ['.kilo/kilo.json', 'kilo.jsonc', 'kilo.json'],
    },
  },
  {
    id: 'roo-code',
    name: 'Roo Code',
    aliases: ['roo'],
    source: 'https://github.com/RooCodeInc/Roo-Code',
    page: 'https://docs.roocode.com/features/mcp/using-mcp-in-roo',
    certainty: 'documented',
    note: 'given up by its makers in May 2026',
    probes: below(`Code/${ROO}`, `Code - Insiders/${ROO}`, `Cursor/${ROO}`),
    user: {
      ...mcpServers(command(), address({type: 'streamable-http'})),
      places: below(
        `Code/${ROO}/settings/mcp_settings.json`,
        `Code - Insiders/${ROO}/settings/mcp_settings.json`,
        `Cursor/${ROO}/settings/mcp_settings.json`,
      ),
    },
    project: {
      ...mcpServers(command(), address({type: 'streamable-http'})),
      path: '.roo/mcp.json',
    },
  },
  {
    id: 'windsurf-jetbrains',
    name: 'Windsurf in JetBrains',
    source: 'https://windsurf.com/plugins/jetbrains',
    page: 'https://docs.windsurf.com/plugins/cascade/mcp.md',
    certainty: 'documented',
    probes: everywhere('$HOME/.codeium/mcp_config.json'),
    user: {
      ...mcpServers(command(), address({}, 'serverUrl')),
      places: everywhere('$HOME/.codeium/mcp_config.json'),
    },
  },
]
