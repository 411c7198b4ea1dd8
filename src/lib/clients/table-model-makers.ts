import type {Client} from './client.ts'
import {address, command, ENTRY_KEY, mcpServers, tables} from './entries.ts'
import {everywhere} from './places.ts'

const gemini = mcpServers(command(), address({}, 'httpUrl'))

const vibe = {
  format: 'toml',
  container: ['mcp_servers'],
  key: ENTRY_KEY,
  list: {nameKey: 'name'},
  entry: command({transport: 'stdio'}),
  urlEntry: address({transport: 'streamable-http'}),
} as const

/** Clients of the terminal by those who make models. */
export const MODEL_MAKERS: readonly Client[] = [
  {
    id: 'claude-code',
    name: 'Claude Code',
    source: 'https://claude.ai/download',
    page: 'https://code.claude.com/docs/en/mcp',
    icon: 'https://raw.githubusercontent.com/docker/mcp-gateway/main/img/client/claude.svg',
    certainty: 'documented',
    note: 'an entry in a project counts after you approve it',
    probes: everywhere('${CLAUDE_CONFIG_DIR:-$HOME/.claude}'),
    user: {
      ...mcpServers(command(), address({type: 'http'})),
      places: everywhere('${CLAUDE_CONFIG_DIR:-$HOME}/.claude.json'),
    },
    project: {
      ...mcpServers(command({}, {type: 'stdio'}), address({type: 'http'})),
      path: '.mcp.json',
    },
  },
  {
    id: 'codex',
    name: 'Codex',
    source: 'https://openai.com/codex/',
    page: 'https://developers.openai.com/codex/mcp',
    icon: 'https://www.svgrepo.com/show/306500/openai.svg',
    certainty: 'documented',
    note: 'of a project, it reads the file when the project is trusted',
    probes: everywhere('${CODEX_HOME:-$HOME/.codex}'),
    namesExe: true,
    user: {
      ...tables('http_headers'),
      places: everywhere('${CODEX_HOME:-$HOME/.codex}/config.toml'),
    },
    project: {...tables('http_headers'), path: '.codex/config.toml'},
  },
  {
    id: 'gemini',
    name: 'Gemini CLI',
    aliases: ['gemini-cli'],
    source: 'https://github.com/google-gemini/gemini-cli',
    page: 'https://github.com/google-gemini/gemini-cli/blob/main/docs/tools/mcp-server.md',
    icon: 'https://avatars.githubusercontent.com/u/161781182?s=120&v=4',
    certainty: 'documented',
    probes: everywhere('${GEMINI_CLI_HOME:-$HOME}/.gemini'),
    user: {...gemini, places: everywhere('${GEMINI_CLI_HOME:-$HOME}/.gemini/settings.json')},
    project: {...gemini, path: '.gemini/settings.json'},
  },
  {
    id: 'grok',
    name: 'Grok Build',
    aliases: ['grok-build', 'grok-cli'],
    source: 'https://x.ai',
    page: 'https://docs.x.ai/build/features/mcp-servers',
    certainty: 'documented',
    probes: everywhere('${GROK_HOME:-$HOME/.grok}'),
    user: {...tables('headers'), places: everywhere('${GROK_HOME:-$HOME/.grok}/config.toml')},
    project: {...tables('headers'), path: '.grok/config.toml'},
  },
  {
    id: 'kimi',
    name: 'Kimi Code',
    aliases: ['kimi-cli', 'kimi-code'],
    source: 'https://github.com/MoonshotAI/kimi-cli',
    page: 'https://github.com/MoonshotAI/kimi-code/blob/HEAD/docs/en/customization/mcp.md',
    certainty: 'documented',
    note: 'Kimi Code reads ~/.kimi-code; what came before it, Kimi CLI, ~/.kimi; the file that is there counts',
    probes: everywhere('${KIMI_CODE_HOME:-$HOME/.kimi-code}', '$HOME/.kimi'),
    user: {
      ...mcpServers(),
      places: everywhere('${KIMI_CODE_HOME:-$HOME/.kimi-code}/mcp.json', '$HOME/.kimi/mcp.json'),
    },
    project: {...mcpServers(), path: '.kimi-code/mcp.json'},
  },
  {
    id: 'mistral-vibe',
    name: 'Mistral Vibe',
    aliases: ['vibe'],
    source: 'https://github.com/mistralai/mistral-vibe',
    page: 'https://github.com/mistralai/mistral-vibe/blob/HEAD/README.md',
    certainty: 'documented',
    note: 'of a project, it reads the file in place of the one of the user, when the folder is trusted',
    probes: everywhere('${VIBE_HOME:-$HOME/.vibe}'),
    user: {...vibe, places: everywhere('${VIBE_HOME:-$HOME/.vibe}/config.toml')},
    project: {...vibe, path: '.vibe/config.toml'},
  },
  {
    id: 'qwen-code',
    name: 'Qwen Code',
    aliases: ['qwen'],
    source: 'https://github.com/QwenLM/qwen-code',
    page: 'https://github.com/QwenLM/qwen-code/blob/HEAD/docs/users/features/mcp.md',
    certainty: 'documented',
    probes: everywhere('$HOME/.qwen'),
    user: {...gemini, places: everywhere('$HOME/.qwen/settings.json')},
    project: {...gemini, path: '.qwen/settings.json'},
  },
]
