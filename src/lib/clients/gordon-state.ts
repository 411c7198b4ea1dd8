import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import * as z from 'zod'
import {messageOf} from '../base/errors.ts'
import {objectOf} from '../base/json.ts'
import {readTextFile} from '../files/atomic.ts'
import type {StatePaths} from '../files/paths.ts'
import {ENTRY_KEY} from './entries.ts'
import type {ListedClient} from './list.ts'

/** It asks Docker Desktop, which may be in the middle of its start. */
const LONGEST_MS = 5000

const configSchema = z.object({
  features: z.array(z.object({name: z.string(), enabled: z.boolean()})),
})

/**
 * Clients with what Gordon says of itself: it has no file, and tells by a command whether it uses docker's tools. It is
 * asked only when it is installed; without an answer in time, that is its error.
 */
export async function withGordon(
  clients: readonly ListedClient[],
  at: {readonly paths: StatePaths; readonly env: NodeJS.ProcessEnv},
): Promise<readonly ListedClient[]> {
  return Promise.all(
    clients.map(async listed =>
      listed.client.id === 'gordon' && listed.isInstalled
        ? {...listed, ...(await stateOf(at))}
        : listed,
    ),
  )
}

async function stateOf({
  paths,
  env,
}: {
  paths: StatePaths
  env: NodeJS.ProcessEnv
}): Promise<Pick<ListedClient, 'servers' | 'error'>> {
  try {
    if (!(await isOn(env))) return {servers: {entries: [], profile: ''}}
    const profile = await profileOf(paths)
    const args = ['mcp', 'gateway', 'run', ...(profile === '' ? [] : ['--profile', profile])]
    const own = {
      name: ENTRY_KEY,
      type: 'stdio',
      command: 'docker',
      args,
      env: {},
      url: '',
      headers: {},
      isOff: false,
    } as const
    return {servers: {entries: [own], own, profile}}
  } catch (error) {
    const [said = ''] = messageOf(error).split('\n')
    return {error: {type: 'unknown', error: `docker ai config get: ${said}`}}
  }
}

async function isOn(env: NodeJS.ProcessEnv): Promise<boolean> {
  const config = configSchema.safeParse(JSON.parse(await answerOf(env)))
  if (!config.success) throw new Error('its answer is not known')
  return config.data.features.some(({name, enabled}) => name === 'MCP Catalog' && enabled)
}

async function answerOf(env: NodeJS.ProcessEnv): Promise<string> {
  const docker = env['DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND'] || 'docker'
  // A group of its own: docker starts another program, which has to end as well.
  const detached = process.platform !== 'win32'
  const child = spawn(docker, ['ai', 'config', 'get'], {
    env,
    detached,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    if (detached && child.pid !== undefined) endGroup(child.pid)
    else child.kill('SIGKILL')
  }, LONGEST_MS)
  try {
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    if (isLate) throw new Error(`no answer within ${LONGEST_MS / 1000} seconds`)
    if (code !== 0) throw new Error(`it ended with exit code ${code}`)
    return said
  } finally {
    clearTimeout(timer)
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

/** Docker Desktop has it in a file of its own; empty for none. */
async function profileOf({dir}: StatePaths): Promise<string> {
  const kept = await readTextFile(join(dir, 'profiles.json'))
  const known = objectOf(kept === undefined ? undefined : JSON.parse(kept))
  const {profile} = objectOf(known['gordon'])
  return typeof profile === 'string' ? profile : ''
}
