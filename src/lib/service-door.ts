import {delimiter, join, resolve} from 'node:path'
import {Flags} from '@oclif/core'
import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {ENGINE_VARIABLES} from './engine/variables.ts'
import {homeDir} from './files/paths.ts'
import {holdsCredentials, refuseVariable} from './gateway/background/credentials.ts'
import {launchWords, type Launch} from './gateway/background/launch-file.ts'
import {gatewayFiles} from './gateway/background/name.ts'
import {type ServicePlan, servicePlan, type ServicePlatform} from './gateway/background/service.ts'
import {OUTSIDE_VARIABLES} from './net/variables.ts'

/** `--platform`, for a look at what another system would be told. */
export const platformFlag = {
  platform: Flags.custom<ServicePlatform>({
    summary: 'the system that the service is for, instead of this one',
    options: ['linux', 'macos', 'windows'],
    helpValue: '<system>',
  })(),
}

/** What a gateway needs of the environment to find the engine, its helpers and the outside. */
const CARRIED = ['PATH', 'DOCKER_CONFIG', ...ENGINE_VARIABLES, ...OUTSIDE_VARIABLES]
const PATHS = new Set(['DOCKER_CONFIG', 'DOCKER_CERT_PATH', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'])

/**
 * How a system keeps a gateway running that would be started like this.
 * @param platform another system than this one, to see what it would be told
 * @throws PluginError USAGE for what cannot be written down; on a system that has no services that are known here
 */
export function planOf(
  app: App,
  {
    name,
    launch,
    platform = thisPlatform(),
  }: {name: string; launch: Launch; platform?: ServicePlatform | undefined},
): ServicePlan {
  const {env, paths, cwd, program = []} = app
  const carried = carriedEnv(env, cwd)
  const words = launchWords(name, launch)
  return servicePlan(
    {
      name,
      command: [
        ...program,
        // A task has no variables of its own, and a window for as long as its program runs: so that is short.
        ...(platform === 'windows' ? [...wordsOf(carried), ...started(words, launch)] : words),
      ],
      cwd: launch.cwd,
      env: carried,
      log: gatewayFiles(resolve(paths.stateDir), name).log,
    },
    {
      platform,
      env,
      home: homeDir(env),
      stateDir: resolve(paths.stateDir),
      uid: process.getuid?.(),
    },
  )
}

/** The variables that a gateway is started with again, none of them with a secret. */
export function carriedEnv(env: NodeJS.ProcessEnv, cwd: string): Record<string, string> {
  return Object.fromEntries(
    CARRIED.flatMap(key => {
      const value = env[key]
      if (value === undefined || value === '') return []
      // A proxy's password is nothing for a file that a system reads.
      if (/_proxy$/i.test(key) && value.includes('@')) return []
      if (holdsCredentials(value)) refuseVariable(key)
      if (key === 'SSL_CERT_DIR') return [[key, folders(value, cwd)]]
      return [[key, PATHS.has(key) ? resolve(cwd, value) : value]]
    }),
  )
}

/** Each of a list of folders as a whole path. */
function folders(list: string, cwd: string): string {
  const parts = list.split(delimiter).filter(part => part !== '')
  return parts.map(part => resolve(cwd, part)).join(delimiter)
}

/** Those of them that docker has flags for. */
function wordsOf(env: Readonly<Record<string, string>>): readonly string[] {
  const flags = [
    ['DOCKER_CONFIG', '--config'],
    ['DOCKER_HOST', '--host'],
    ['DOCKER_CONTEXT', '--context'],
  ] as const
  const words = flags.flatMap(([key, flag]) => {
    const value = env[key]
    return value === undefined ? [] : [flag, value]
  })
  if (env['DOCKER_TLS_VERIFY'] === undefined) return words
  const dir = env['DOCKER_CERT_PATH'] ?? env['DOCKER_CONFIG']
  return [...words, '--tlsverify', ...(dir === undefined ? [] : certificateWords(dir))]
}

/** As docker names the files in such a folder. */
function certificateWords(dir: string): readonly string[] {
  return [
    ['--tlscacert', 'ca.pem'],
    ['--tlscert', 'cert.pem'],
    ['--tlskey', 'key.pem'],
  ].flatMap(([flag = '', file = '']) => [flag, join(dir, file)])
}

/** The words of `gateway start` instead of `gateway run`, whatever contexts and files are called. */
function started(words: readonly string[], {globals}: Launch): readonly string[] {
  const at = globals.length + ['mcp', 'gateway'].length
  return words.map((word, index) => (index === at ? 'start' : word))
}

function thisPlatform(): ServicePlatform {
  switch (process.platform) {
    case 'linux':
      return 'linux'
    case 'darwin':
      return 'macos'
    case 'win32':
      return 'windows'
    default:
      throw new PluginError('USAGE', `services of ${process.platform} are not known here`, {
        hint: 'have your system run: docker mcp gateway run --name default --transport streaming',
      })
  }
}
