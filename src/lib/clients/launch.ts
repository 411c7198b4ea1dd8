import {join, resolve} from 'node:path'
import type {Client, Launch, Platform} from './client.ts'

/** Without these, docker does not find its files on Windows, and some clients keep them from what they start. */
const WINDOWS_VARIABLES = ['LOCALAPPDATA', 'ProgramData', 'ProgramFiles'] as const

/**
 * The command that a client is to start for a gateway, as docker's own plugin writes it.
 * @param at `env`: the environment of this process; `profile`: undefined for the one in use; `background`: for the
 *   gateway in the background, which all clients share, instead of one of its own; `distribution`: of a client of
 *   Windows, the Linux in WSL that we are in, where this program is certain to be; `carried`: variables that lead docker to
 *   its files and its engine, see {@link dockerVariables}
 */
export function launchOf(
  {namesExe = false}: Pick<Client, 'namesExe'>,
  at: {
    readonly platform: Platform
    readonly env: Readonly<Record<string, string | undefined>>
    readonly profile?: string | undefined
    readonly background?: boolean
    readonly distribution?: string | undefined
    readonly carried?: Readonly<Record<string, string>> | undefined
  },
): Launch {
  const args = [
    'mcp',
    'gateway',
    at.background === true ? 'connect' : 'run',
    ...(at.profile === undefined ? [] : ['--profile', at.profile]),
  ]
  if (at.distribution !== undefined) {
    // Variables of Windows do not get into a Linux.
    const set = Object.entries(at.carried ?? {}).map(([name, value]) => `${name}=${value}`)
    const words = [...(set.length > 0 ? ['env', ...set] : []), 'docker', ...args]
    // --exec: no shell that would read the arguments once more.
    return {command: 'wsl.exe', args: ['--distribution', at.distribution, '--exec', ...words]}
  }
  const isWindows = at.platform === 'win32'
  const env = {...(isWindows ? windowsVariables(at.env) : {}), ...at.carried}
  return {
    command: isWindows && namesExe ? 'docker.exe' : 'docker',
    args,
    ...(Object.keys(env).length > 0 ? {env} : {}),
  }
}

/** Those of them that are set; on Windows a name means the same in capitals. */
function windowsVariables(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    WINDOWS_VARIABLES.flatMap(name => {
      const same = Object.keys(env).find(key => key.toUpperCase() === name.toUpperCase())
      const value = same === undefined ? undefined : env[same]
      return value ? [[name, value]] : []
    }),
  )
}

/** Not all that docker knows: what else stands in an entry, a person has set there. */
const TO_ENGINE = [
  'DOCKER_HOST',
  'DOCKER_CONTEXT',
  'DOCKER_CERT_PATH',
  'DOCKER_TLS_VERIFY',
] as const

/** All that {@link dockerVariables} may give. */
export const DOCKER_VARIABLES: readonly string[] = ['DOCKER_CONFIG', ...TO_ENGINE]

/**
 * The variables without which docker would find other files, or another engine: clients start what they start without those
 * of a shell.
 * @param at `config`: docker's folder; `home`: of the user, where docker's folder is when nothing is said
 */
export function dockerVariables(at: {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly config: string
  readonly home: string
  readonly cwd: string
}): Record<string, string> {
  const config = resolve(at.cwd, at.config)
  const toEngine = TO_ENGINE.flatMap(name => {
    const value = at.env[name]
    if (!value) return []
    return [[name, name === 'DOCKER_CERT_PATH' ? resolve(at.cwd, value) : value] as const]
  })
  return {
    ...(config === join(at.home, '.docker') ? {} : {DOCKER_CONFIG: config}),
    ...Object.fromEntries(toEngine),
  }
}
