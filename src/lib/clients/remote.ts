import {PluginError} from '../base/errors.ts'
import type {JsonObject} from '../base/json.ts'
import type {Client, ClientFile} from './client.ts'
import type {Gateway} from './wanted.ts'

/** A gateway that runs, as a person names it. */
export interface RemoteInput {
  readonly url: string
  readonly token?: string | undefined
  /** The variable that has the token when the client runs. */
  readonly tokenEnv?: string | undefined
}

/** How clients are told to take a variable in a header. */
const REFERENCES: readonly {
  readonly ids: readonly string[]
  readonly reference: (name: string) => string
}[] = [
  {
    ids: ['claude-code', 'gemini', 'qwen-code', 'qoder-cli', 'factory', 'goose', 'grok', 'kiro'],
    reference: name => `\${${name}}`,
  },
  {
    ids: [
      'amazon-q',
      'cursor',
      'roo-code',
      'vscode',
      'vscode-insiders',
      'vscode-server',
      'vscodium',
      'windsurf',
      'windsurf-jetbrains',
    ],
    reference: name => `\${env:${name}}`,
  },
  {ids: ['opencode', 'kilo'], reference: name => `{env:${name}}`},
  {ids: ['crush'], reference: name => `$${name}`},
]

/**
 * The gateway at an address, as a client's file says it. With a variable for the token, the token itself is in no file.
 * @throws PluginError USAGE for what is no address or token, and for a client that has no way to say it
 */
export function remoteGateway(
  client: Client,
  file: Pick<ClientFile, 'urlEntry'>,
  input: RemoteInput,
): Gateway & {readonly kind: 'remote'} {
  const url = checkedUrl(input.url)
  if (!file.urlEntry) {
    throw new PluginError('USAGE', `${client.id} only knows gateways that it starts itself`, {
      hint: 'leave out --url',
    })
  }
  const {tokenEnv} = input
  if (tokenEnv === undefined) {
    const remote = {url, token: input.token === undefined ? undefined : checkedToken(input.token)}
    return {kind: 'remote', remote, entry: file.urlEntry(remote)}
  }
  if (!/^[A-Za-z_]\w*$/.test(tokenEnv)) {
    throw new PluginError('USAGE', '--token-env takes the name of a variable', {
      hint: 'for example --token-env MCP_TOKEN',
    })
  }
  const entry = withVariable(client, {url, name: tokenEnv}, file.urlEntry)
  return {kind: 'remote', remote: {url}, entry}
}

function withVariable(
  {id}: Client,
  {url, name}: {url: string; name: string},
  urlEntry: NonNullable<ClientFile['urlEntry']>,
): JsonObject {
  if (id === 'codex') return {...urlEntry({url}), bearer_token_env_var: name}
  const found = REFERENCES.find(({ids}) => ids.includes(id))
  if (!found) {
    throw new PluginError(
      'USAGE',
      `${id} is not known to take the value of a variable for a token`,
      {
        hint: 'give --token, which is written into its file',
      },
    )
  }
  const entry = urlEntry({url, token: found.reference(name)})
  // Goose keeps variables from its extensions that are not named.
  return id === 'goose' ? {...entry, env_keys: [name]} : entry
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) {
    if (url.username === '' && url.password === '') return text
    throw new PluginError('USAGE', 'the address has a name or a password in it', {
      hint: 'give the token with --token or --token-env',
    })
  }
  throw new PluginError('USAGE', `${JSON.stringify(text)} is not an http or https address`, {
    hint: 'for example --url http://127.0.0.1:8080/mcp',
  })
}

/** What a header can carry. */
function checkedToken(token: string): string {
  if (/^[!-~]+$/.test(token)) return token
  throw new PluginError(
    'USAGE',
    'the token has characters that no header can carry, or none at all',
    {
      hint: 'check what is given with --token',
    },
  )
}
