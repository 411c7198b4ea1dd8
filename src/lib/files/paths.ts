import {homedir} from 'node:os'
import {join} from 'node:path'

/** Where everything that this program keeps is found. */
export interface StatePaths {
  /** docker's own folder: `--config`, else `DOCKER_CONFIG`, else `~/.docker`. */
  readonly dockerConfigDir: string
  /** Our folder in it; it moves with docker's. */
  readonly dir: string
  readonly registry: string
  readonly config: string
  readonly tools: string
  readonly catalogIndex: string
  readonly catalogsDir: string
  /** One file a profile. */
  readonly profilesDir: string
  /** The gateway's own configuration. */
  readonly gatewayFile: string
  /** Where newer versions of docker's own plugin keep profiles and catalogs: only ever read. */
  readonly database: string
  /** The same where docker's folder is another one: docker's plugin leaves it in the home. */
  readonly homeDatabase: string
  /** Secrets, encrypted. */
  readonly secretsFile: string
  /** The key of that file, where there is no better place for one. */
  readonly secretsKey: string
  /** Which secrets the stores have that cannot be asked for a list; no values. Gateways watch it. */
  readonly secretsIndex: string
  /** Which server was given which secret, one JSON object a line. */
  readonly audit: string
  /** What each server's last start came to, one file a server. */
  readonly stateDir: string
}

/**
 * Finds the state folder and the files in it; touches nothing.
 * @param input `configFlag`: docker's global `--config`; `env`: the process environment
 */
export function statePaths(input: {
  configFlag?: string | undefined
  env: NodeJS.ProcessEnv
}): StatePaths {
  const dockerConfigDir =
    input.configFlag || input.env['DOCKER_CONFIG'] || join(homeDir(input.env), '.docker')
  const dir = join(dockerConfigDir, 'mcp')
  return {
    dockerConfigDir,
    dir,
    registry: join(dir, 'registry.yaml'),
    config: join(dir, 'config.yaml'),
    tools: join(dir, 'tools.yaml'),
    catalogIndex: join(dir, 'catalog.json'),
    catalogsDir: join(dir, 'catalogs'),
    profilesDir: join(dir, 'profiles'),
    gatewayFile: join(dir, 'mcp-gateway-config.yaml'),
    database: join(dir, 'mcp-toolkit.db'),
    homeDatabase: join(homeDir(input.env), '.docker', 'mcp', 'mcp-toolkit.db'),
    secretsFile: join(dir, 'secrets.enc.json'),
    secretsKey: join(dir, 'secrets.key'),
    secretsIndex: join(dir, 'secrets.json'),
    audit: join(dir, 'audit.jsonl'),
    stateDir: join(dir, 'state'),
  }
}

/** The user's home, also when a client started us with an empty environment. */
export function homeDir(env: NodeJS.ProcessEnv): string {
  return env['HOME'] || env['USERPROFILE'] || homedir()
}
