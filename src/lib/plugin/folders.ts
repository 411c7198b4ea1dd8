import {access, constants} from 'node:fs/promises'
import {join} from 'node:path'
import {homeDir} from '../files/paths.ts'

/** Folders that docker looks for its plugins in on every machine (docker/cli, `cli-plugins/manager`). */
const SYSTEM_FOLDERS = [
  '/usr/local/lib/docker/cli-plugins',
  '/usr/local/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
]

/**
 * Finds the program of one of docker's plugins, and starts nothing.
 * @param name such as `docker-pass`
 * @param input `dockerConfigDir`: docker's own folder; `more`: `cliPluginsExtraDirs` of its config.json
 * @returns its path; undefined when no folder has it
 */
export async function findPlugin(
  name: string,
  input: {
    readonly dockerConfigDir: string
    readonly env: NodeJS.ProcessEnv
    readonly more?: readonly string[] | undefined
    readonly platform?: NodeJS.Platform
  },
): Promise<string | undefined> {
  const {platform = process.platform} = input
  const file = platform === 'win32' ? `${name}.exe` : name
  for (const folder of pluginFolders({...input, platform})) {
    const path = join(folder, file)
    // oxlint-disable-next-line no-await-in-loop -- the first one counts
    if (await isProgram(path)) return path
  }
  return undefined
}

/** Where docker looks for plugins, in its order. */
function pluginFolders(input: {
  readonly dockerConfigDir: string
  readonly env: NodeJS.ProcessEnv
  readonly more?: readonly string[] | undefined
  readonly platform: NodeJS.Platform
}): readonly string[] {
  const {dockerConfigDir, env, more = [], platform} = input
  const windows = [env['ProgramData'], env['ProgramFiles']].flatMap(folder =>
    folder ? [join(folder, 'Docker', 'cli-plugins')] : [],
  )
  return [
    ...more,
    join(dockerConfigDir, 'cli-plugins'),
    // Another folder of docker's, as of a test or of a second account, has the plugins of the machine all the same.
    join(homeDir(env), '.docker', 'cli-plugins'),
    ...(platform === 'win32' ? windows : SYSTEM_FOLDERS),
  ]
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
