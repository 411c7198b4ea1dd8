import type {Client} from './client.ts'
import {address, command, gooseAddress, gooseCommand, mcpServers, SIMPLE_KEY} from './entries.ts'
import {application, below, CONFIG, everywhere, LOCAL, oneOf, ROAMING, SUPPORT} from './places.ts'

const ICONS = 'https://raw.githubusercontent.com/docker/mcp-gateway/main/img/client'
const STORE = `${LOCAL}/Packages/Claude_pzs8sxrjxfjjc`
const DOCKER = '${DOCKER_CONFIG:-$HOME/.docker}'
const AI_PLUGIN = 'cli-plugins/docker-ai'

/** Programs with a window that are no editors. */
export const DESKTOP: readonly Client[] = [
  {
    id: 'claude-desktop',
    name: 'Claude Desktop',
    source: 'https://claude.ai/download',
    page: 'https://modelcontextprotocol.io/docs/develop/connect-local-servers',
    icon: `${ICONS}/claude.svg`,
    certainty: 'documented',
    note: 'on Windows, one from the store has a copy of the folder that it sees instead; its makers name no place on Linux, and packages differ in how they write the folder',
    probes: oneOf(
      below('Claude'),
      {linux: [`${CONFIG}/claude`], win32: [STORE, `${LOCAL}/AnthropicClaude`]},
      application('Claude'),
    ),
    user: {
      ...mcpServers(),
      // It starts servers; those that run elsewhere are added in its settings, as connectors.
      urlEntry: undefined,
      places: {
        linux: [
          `${CONFIG}/Claude/claude_desktop_config.json`,
          `${CONFIG}/claude/claude_desktop_config.json`,
        ],
        darwin: [`${SUPPORT}/Claude/claude_desktop_config.json`],
        win32: [
          `${STORE}/LocalCache/Roaming/Claude/claude_desktop_config.json`,
          `${ROAMING}/Claude/claude_desktop_config.json`,
        ],
      },
      fresh: {win32: `${ROAMING}/Claude/claude_desktop_config.json`},
    },
  },
  {
    id: 'goose',
    name: 'Goose',
    source: 'https://github.com/block/goose',
    page: 'https://github.com/block/goose/blob/HEAD/documentation/docs/guides/config-files.md',
    icon: `${ICONS}/goose.png`,
    certainty: 'documented',
    probes: {
      linux: ['$GOOSE_PATH_ROOT/config', `${CONFIG}/goose`],
      darwin: ['$GOOSE_PATH_ROOT/config', `${CONFIG}/goose`, ...application('Goose').darwin],
      win32: ['$GOOSE_PATH_ROOT/config', `${ROAMING}/Block/goose`, '$HOME/.config/goose'],
    },
    user: {
      format: 'yaml',
      container: ['extensions'],
      key: SIMPLE_KEY,
      entry: gooseCommand,
      urlEntry: gooseAddress,
      places: {
        linux: ['$GOOSE_PATH_ROOT/config/config.yaml', `${CONFIG}/goose/config.yaml`],
        darwin: ['$GOOSE_PATH_ROOT/config/config.yaml', `${CONFIG}/goose/config.yaml`],
        win32: ['$GOOSE_PATH_ROOT/config/config.yaml', `${ROAMING}/Block/goose/config/config.yaml`],
      },
    },
  },
  {
    id: 'gordon',
    name: 'Ask Gordon',
    source: 'https://docs.docker.com/ai/gordon/',
    icon: `${ICONS}/gordon.png`,
    certainty: 'documented',
    note: 'part of Docker Desktop; it has no file for others to write, and starts what Docker Desktop calls docker mcp',
    probes: {
      linux: [
        `${DOCKER}/${AI_PLUGIN}`,
        `/usr/lib/docker/${AI_PLUGIN}`,
        `/usr/libexec/docker/${AI_PLUGIN}`,
        `/usr/local/lib/docker/${AI_PLUGIN}`,
        `/usr/local/libexec/docker/${AI_PLUGIN}`,
      ],
      darwin: [
        `${DOCKER}/${AI_PLUGIN}`,
        `/Applications/Docker.app/Contents/Resources/${AI_PLUGIN}`,
      ],
      win32: [
        `${DOCKER}/${AI_PLUGIN}.exe`,
        `\${ProgramFiles:-C:/Program Files}/Docker/${AI_PLUGIN}.exe`,
      ],
    },
    manual: 'docker ai config set-feature "MCP Catalog" true',
  },
  {
    id: 'lmstudio',
    name: 'LM Studio',
    aliases: ['lm-studio'],
    source: 'https://lmstudio.ai/',
    page: 'https://lmstudio.ai/docs/app/mcp',
    icon: `${ICONS}/lmstudio.png`,
    certainty: 'documented',
    probes: oneOf(
      everywhere('$HOME/.cache/lm-studio', '$HOME/.lmstudio'),
      application('LM Studio'),
    ),
    user: {
      ...mcpServers(),
      places: everywhere('$HOME/.cache/lm-studio/mcp.json', '$HOME/.lmstudio/mcp.json'),
      fresh: {
        linux: '$HOME/.lmstudio/mcp.json',
        darwin: '$HOME/.lmstudio/mcp.json',
        win32: '$HOME/.lmstudio/mcp.json',
      },
    },
  },
  {
    id: 'sema4',
    name: 'Sema4.ai Studio',
    source: 'https://sema4.ai/links/docker-mcp-download',
    icon: `${ICONS}/sema4.png`,
    certainty: 'seen',
    note: 'its makers document only its settings page; the entry for a gateway that runs is a guess',
    probes: {
      linux: ['$HOME/.sema4ai'],
      darwin: ['$HOME/.sema4ai'],
      win32: [`${LOCAL}/sema4ai`],
    },
    user: {
      ...mcpServers(command({}, {transport: 'stdio'}), address({transport: 'streamable-http'})),
      places: {
        linux: ['$HOME/.sema4ai/sema4ai-studio/mcp_servers.json'],
        darwin: ['$HOME/.sema4ai/sema4ai-studio/mcp_servers.json'],
        win32: [`${LOCAL}/sema4ai/sema4ai-studio/mcp_servers.json`],
      },
    },
  },
]
