import {randomUUID} from 'node:crypto'
import {mkdir, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {standInModel} from '../support/stand-in-model.ts'
import {ranBy, type RealId} from './real-client.ts'

/** How a client is asked for something without a person, and where it finds its model. */
interface Caller {
  readonly client: RealId
  args(model: string): readonly string[]
  env?(model: string): Readonly<Record<string, string>>
  /** What is in the file of its settings before it is connected. */
  readonly settings?: {readonly file: string; content(model: string): object}
}

const ASK = 'Use the tool.'
const KEY = 'no-key'
const STAND_IN = 'stand-in'
/** For what clients wait a few seconds by themselves: that a gateway starts, which takes longer on a busy machine. */
const LONG_S = 100

/** Not here: Augment and Qoder, which talk to no model but the service of their makers, and want an account there. */
const CALLERS: readonly Caller[] = [
  {
    client: 'claude-code',
    args: () => ['--print', ASK, '--allowedTools', 'mcp__MCP_DOCKER'],
    env: model => ({
      ANTHROPIC_BASE_URL: model,
      ANTHROPIC_API_KEY: KEY,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      ENABLE_TOOL_SEARCH: 'false',
      MCP_CONNECTION_NONBLOCKING: 'false',
      MCP_CONNECT_TIMEOUT_MS: String(LONG_S * 1000),
      MCP_TIMEOUT: String(LONG_S * 1000),
    }),
  },
  {
    client: 'gemini',
    // Without a name it asks a model which model to take.
    args: () => ['--prompt', ASK, '--yolo', '--model', 'gemini-2.5-pro'],
    env: model => ({GOOGLE_GEMINI_BASE_URL: model, GEMINI_API_KEY: KEY}),
    settings: {
      file: '.gemini/settings.json',
      content: () => ({
        security: {auth: {selectedType: 'gemini-api-key'}},
        privacy: {usageStatisticsEnabled: false},
      }),
    },
  },
  {
    client: 'codex',
    // To a model that it does not know it offers tools as such, and not as a library for code.
    args: model => [
      'exec',
      '--skip-git-repo-check',
      '--dangerously-bypass-approvals-and-sandbox',
      ...codexSettings({
        model: STAND_IN,
        model_provider: STAND_IN,
        [`model_providers.${STAND_IN}.name`]: STAND_IN,
        [`model_providers.${STAND_IN}.base_url`]: `${model}/v1`,
        [`model_providers.${STAND_IN}.wire_api`]: 'responses',
        'mcp_servers.MCP_DOCKER.required': true,
        'mcp_servers.MCP_DOCKER.startup_timeout_sec': LONG_S,
        'analytics.enabled': false,
      }),
      ASK,
    ],
  },
  {
    client: 'qwen-code',
    args: () => ['--prompt', ASK, '--yolo', '--auth-type', 'openai'],
    env: model => ({
      OPENAI_BASE_URL: `${model}/v1`,
      OPENAI_API_KEY: KEY,
      OPENAI_MODEL: STAND_IN,
    }),
    settings: {
      file: '.qwen/settings.json',
      content: () => ({
        tools: {toolSearch: {enabled: false}},
        privacy: {usageStatisticsEnabled: false},
      }),
    },
  },
  {
    client: 'opencode',
    args: () => ['run', '--model', `${STAND_IN}/${STAND_IN}`, ASK],
    env: model => ({OPENCODE_CONFIG_CONTENT: JSON.stringify(opencodeSettings(model))}),
  },
  {
    client: 'copilot-cli',
    args: () => ['--prompt', ASK, '--allow-all-tools'],
    env: model => ({
      COPILOT_PROVIDER_BASE_URL: `${model}/v1`,
      COPILOT_PROVIDER_API_KEY: KEY,
      COPILOT_MODEL: 'gpt-4.1',
      COPILOT_OFFLINE: 'true',
    }),
  },
  {
    client: 'factory',
    // It begins before servers are connected, unless tools of theirs are named.
    args: () => [
      'exec',
      '--skip-permissions-unsafe',
      '--model',
      `custom:${STAND_IN}`,
      '--only-tools',
      'MCP:MCP_DOCKER/echo',
      ASK,
    ],
    env: () => ({
      FACTORY_API_KEY: KEY,
      FACTORY_MCP_BLOCKING_LOAD_TIMEOUT_MS: String(LONG_S * 1000),
    }),
    settings: {file: '.factory/config.json', content: factorySettings},
  },
]

describe('after docker mcp client connect, when its model says so', () => {
  test.for(CALLERS)(
    '$client calls a tool in a container, without any network',
    {timeout: 300_000},
    async caller => {
      const {client, settings} = caller
      const word = randomUUID()
      await using cli = await dockerCli()
      await using model = await standInModel(cli, word)
      if (settings) await written(join(cli.home, settings.file), settings.content(model.url))
      await prepared(cli)
      await cli.mcp('client', 'connect', client, '--global')

      const said = await ranBy(cli, client, caller.args(model.url), {
        network: model.network,
        env: caller.env?.(model.url) ?? {},
      })

      // Neither the client nor its model knows what the server makes of the word.
      const echo = new RegExp(`Echo: ${word}`)
      expect(said).toMatch(echo)
      await model.saw(echo)
      await cli.gone()
    },
  )
})

/** A server that has listed its tools before: then they are there at once, and need no container. */
async function prepared(cli: DockerCli): Promise<void> {
  await cli.mcp('server', 'enable', 'everything')
  await cli.mcp('tools', 'ls')
}

async function written(file: string, content: object): Promise<void> {
  await mkdir(dirname(file), {recursive: true})
  await writeFile(file, JSON.stringify(content))
}

/** A value in JSON is one in TOML too. */
function codexSettings(settings: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(settings).flatMap(([key, value]) => [
    '--config',
    `${key}=${JSON.stringify(value)}`,
  ])
}

function opencodeSettings(model: string): object {
  const options = {baseURL: `${model}/v1`, apiKey: KEY}
  const npm = '@ai-sdk/openai-compatible'
  return {
    provider: {[STAND_IN]: {npm, options, models: {[STAND_IN]: {}}}},
    experimental: {mcp_timeout: LONG_S * 1000},
  }
}

function factorySettings(model: string): object {
  const address = {base_url: `${model}/v1`, api_key: KEY, provider: 'generic-chat-completion-api'}
  return {custom_models: [{model_display_name: STAND_IN, model: STAND_IN, ...address}]}
}
