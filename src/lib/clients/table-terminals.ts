import type {Client} from './client.ts'
import {address, command, ENTRY_KEY, mcpServers, opencodeServers} from './entries.ts'
import {CONFIG, everywhere, LOCAL, ROAMING} from './places.ts'

const amp = {
  format: 'json',
  // One key with a dot, not two.
  container: ['amp.mcpServers'],
  key: ENTRY_KEY,
  entry: command(),
  urlEntry: address(),
} as const

const copilot = mcpServers(
  command({type: 'local'}, {tools: ['*']}),
  address({type: 'http'}, 'url', {tools: ['*']}),
)

const crush = {
  format: 'json',
  container: ['mcp'],
  key: ENTRY_KEY,
  entry: command({}, {type: 'stdio'}),
  urlEntry: address({type: 'http'}),
} as const

const factory = mcpServers(
  command({type: 'stdio'}, {disabled: false}),
  address({type: 'http'}, 'url', {disabled: false}),
)

const qoder = mcpServers(command(), address({type: 'http'}))

/** Clients of the terminal, but those of makers of models. */
export const TERMINALS: readonly Client[] = [
  {
    id: 'amazon-q',
    name: 'Amazon Q Developer CLI',
    aliases: ['amazonq', 'q'],
    source: 'https://aws.amazon.com/q/developer/',
    page: 'https://docs.aws.amazon.com/amazonq/latest/qdeveloper-ug/command-line-mcp-understanding-config.html',
    certainty: 'documented',
    note: 'now called Kiro CLI, which reads the file of kiro; an agent of your own reads this one when it has useLegacyMcpJson',
    probes: everywhere('$HOME/.aws/amazonq'),
    user: {
      ...mcpServers(command(), address({type: 'http'})),
      places: everywhere('$HOME/.aws/amazonq/mcp.json'),
    },
    project: {...mcpServers(command(), address({type: 'http'})), path: '.amazonq/mcp.json'},
  },
  {
    id: 'amp',
    name: 'Amp',
    aliases: ['amp-cli'],
    source: 'https://ampcode.com',
    page: 'https://ampcode.com/manual#mcp',
    certainty: 'documented',
    note: 'an entry in a project counts after: amp mcp approve MCP_DOCKER',
    probes: {linux: [`${CONFIG}/amp`], darwin: [`${CONFIG}/amp`], win32: [`${ROAMING}/amp`]},
    user: {
      ...amp,
      places: {
        linux: [`${CONFIG}/amp/settings.json`, `${CONFIG}/amp/settings.jsonc`],
        darwin: [`${CONFIG}/amp/settings.json`, `${CONFIG}/amp/settings.jsonc`],
        win32: [`${ROAMING}/amp/settings.json`, '$HOME/.config/amp/settings.json'],
      },
    },
    project: {...amp, path: '.amp/settings.json', others: ['.amp/settings.jsonc']},
  },
  {
    id: 'copilot-cli',
    name: 'GitHub Copilot CLI',
    aliases: ['copilot'],
    source: 'https://github.com/github/copilot-cli',
    page: 'https://github.com/github/docs/blob/HEAD/content/copilot/how-tos/copilot-cli/customize-copilot/add-mcp-servers.md',
    certainty: 'documented',
    note: 'of a project, it reads the file when the folder is trusted; it also reads .mcp.json, the file of Claude Code',
    probes: everywhere('${COPILOT_HOME:-$HOME/.copilot}'),
    user: {...copilot, places: everywhere('${COPILOT_HOME:-$HOME/.copilot}/mcp-config.json')},
    project: {...copilot, path: '.github/mcp.json'},
  },
  {
    id: 'crush',
    name: 'Crush',
    source: 'https://github.com/charmbracelet/crush',
    page: 'https://github.com/charmbracelet/crush/blob/HEAD/README.md',
    icon: 'https://avatars.githubusercontent.com/u/57376114?s=48&v=4',
    certainty: 'documented',
    probes: {linux: [`${CONFIG}/crush`], darwin: [`${CONFIG}/crush`], win32: [`${LOCAL}/crush`]},
    user: {
      ...crush,
      places: {
        linux: [`${CONFIG}/crush/crush.json`],
        darwin: [`${CONFIG}/crush/crush.json`],
        win32: [`${LOCAL}/crush/crush.json`],
      },
    },
    project: {...crush, path: '.crush.json', others: ['crush.json']},
  },
  {
    id: 'factory',
    name: 'Factory Droid',
    aliases: ['droid', 'factory-droid'],
    source: 'https://factory.ai',
    page: 'https://docs.factory.ai/cli/configuration/mcp',
    certainty: 'documented',
    probes: everywhere('$HOME/.factory'),
    user: {...factory, places: everywhere('$HOME/.factory/mcp.json')},
    project: {...factory, path: '.factory/mcp.json'},
  },
  {
    id: 'opencode',
    name: 'OpenCode',
    source: 'https://opencode.ai/',
    page: 'https://opencode.ai/docs/mcp-servers/',
    icon: 'https://avatars.githubusercontent.com/u/66570915?s=48&v=4',
    certainty: 'documented',
    probes: everywhere(`${CONFIG}/opencode`),
    user: {
      ...opencodeServers,
      places: everywhere(
        `${CONFIG}/opencode/opencode.json`,
        `${CONFIG}/opencode/opencode.jsonc`,
        `${CONFIG}/opencode/config.json`,
      ),
    },
    project: {...opencodeServers, path: 'opencode.json', others: ['opencode.jsonc']},
  },
  {
    id: 'qoder-cli',
    name: 'Qoder CLI',
    source: 'https://qoder.com/cli',
    page: 'https://docs.qoder.com/en/cli/mcp-servers',
    certainty: 'documented',
    note: 'its files were in ~/.qodercli once; the file that is there counts. Of a project, it reads the file of Claude Code',
    probes: everywhere('$HOME/.qoder/settings.json', '$HOME/.qodercli'),
    user: {
      ...qoder,
      places: everywhere('$HOME/.qoder/settings.json', '$HOME/.qodercli/settings.json'),
    },
    project: {...qoder, path: '.mcp.json'},
  },
  {
    id: 'rovodev',
    name: 'Rovo Dev CLI',
    aliases: ['rovo-dev'],
    source: 'https://www.atlassian.com/software/rovo-dev',
    page: 'https://support.atlassian.com/rovo/docs/connect-to-an-mcp-server-in-rovo-dev-cli',
    certainty: 'documented',
    note: 'its config.yml may name another file',
    probes: everywhere('$HOME/.rovodev'),
    user: {
      ...mcpServers(command({transport: 'stdio'}), address({transport: 'http'})),
      places: everywhere('$HOME/.rovodev/mcp.json'),
    },
  },
  {
    id: 'warp',
    name: 'Warp',
    source: 'https://www.warp.dev',
    page: 'https://github.com/warpdotdev/docs/blob/HEAD/src/content/docs/agent-platform/capabilities/mcp.mdx',
    certainty: 'documented',
    note: 'of a project, servers are started by hand in its settings',
    probes: everywhere('$HOME/.warp'),
    user: {...mcpServers(), places: everywhere('$HOME/.warp/.mcp.json')},
    project: {...mcpServers(), path: '.warp/.mcp.json'},
  },
]
