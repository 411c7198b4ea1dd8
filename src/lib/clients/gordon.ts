import {execFile} from 'node:child_process'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {PluginError, messageOf, systemCode} from '../base/errors.ts'
import {objectOf, type JsonObject} from '../base/json.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'

const run = promisify(execFile)

const TIMEOUT_MS = 30_000

/** What is run, as one would type it. */
export function gordonCommand(isOn: boolean): string {
  return `docker ai config set-feature "MCP Catalog" ${isOn}`
}

/**
 * Switches docker's own tools on or off in Gordon, which is a command of docker and no file.
 * @param input `profile`: the one that Gordon is to take, which Docker Desktop reads from a file of its own
 * @throws PluginError USAGE when this docker has no Gordon, or it refuses
 */
export async function setGordon(
  isOn: boolean,
  input: {
    readonly paths: StatePaths
    readonly env: NodeJS.ProcessEnv
    readonly profile?: string | undefined
  },
): Promise<void> {
  const words = ['ai', 'config', 'set-feature', 'MCP Catalog', String(isOn)]
  const docker = input.env['DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND'] || 'docker'
  try {
    await run(docker, words, {env: input.env, timeout: TIMEOUT_MS, windowsHide: true})
  } catch (cause) {
    throw refused(cause)
  }
  if (isOn && input.profile !== undefined) await keepProfile(input.paths, input.profile)
}

/** Forgets that Gordon is to take a profile, when it is this one. */
export async function forgetGordonProfile(paths: StatePaths, profile: string): Promise<void> {
  const known = await readProfiles(paths)
  if (objectOf(known['gordon'])['profile'] !== profile) return
  await withFileLock(fileOf(paths), async () => {
    const {gordon, ...others} = await readProfiles(paths)
    const {profile: now, ...rest} = objectOf(gordon)
    if (now === profile) await writeProfiles(paths, {...others, gordon: rest})
  })
}

async function keepProfile(paths: StatePaths, profile: string): Promise<void> {
  await withFileLock(fileOf(paths), async () => {
    const known = await readProfiles(paths)
    await writeProfiles(paths, {...known, gordon: {...objectOf(known['gordon']), profile}})
  })
}

function fileOf({dir}: StatePaths): string {
  return join(dir, 'profiles.json')
}

async function readProfiles(paths: StatePaths): Promise<JsonObject> {
  return objectOf(parsed(await readTextFile(fileOf(paths))))
}

function writeProfiles(paths: StatePaths, all: JsonObject): Promise<void> {
  return writeFileAtomic(fileOf(paths), `${JSON.stringify(all, null, 2)}\n`, {mode: 0o644})
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    // Docker Desktop would not understand it either.
    return undefined
  }
}

function refused(cause: unknown): PluginError {
  const said = systemCode(cause) === 'ENOENT' ? 'docker was not found' : messageOf(cause)
  const isMissing = /is not a docker command|unknown (?:command|flag)|not found/i.test(said)
  return new PluginError(
    'USAGE',
    isMissing
      ? 'this docker has no Gordon: it has no command “ai”'
      : 'docker ai refused to change its settings',
    {hint: 'Gordon is part of Docker Desktop: https://docs.docker.com/ai/gordon/', cause},
  )
}
