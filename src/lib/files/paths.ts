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
    stateDir: join(dir, 'state'),
  }
}

/** The user's home, also when a client started us with an empty environment. */
export function homeDir(env: NodeJS.ProcessEnv): string {
  return env['HOME'] || env['USERPROFILE'] || homedir()
}
