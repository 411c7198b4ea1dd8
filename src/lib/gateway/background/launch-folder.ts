import {stat} from 'node:fs/promises'
import {homedir} from 'node:os'
import {isAbsolute} from 'node:path'
import {PluginError} from '../../base/errors.ts'
import type {Launch} from './launch-file.ts'

/** The flags whose values may be files. */
const FILES: ReadonlySet<string> = new Set([
  'tls-cert',
  'tls-key',
  'servers',
  'profile-file',
  'secrets',
  'gateway-config',
  'catalog',
  'additional-catalog',
  'registry',
  'additional-registry',
  'config',
  'additional-config',
  'tools-config',
  'additional-tools-config',
])

/** The flags with a file that counts from the folder in which the gateway is started. Rather one too many. */
export function relativeFlags(flags: readonly string[]): readonly string[] {
  return flags.filter(word => {
    const [, name = '', value = ''] = /^--([^=]+)=([^]*)$/.exec(word) ?? []
    return FILES.has(name) && parts(name, value).some(isRelativeFile)
  })
}

function parts(name: string, value: string): readonly string[] {
  return name === 'secrets' ? value.split(':') : [value.replace(/^file:\/\//, '')]
}

/** Names of servers and stores have neither dot nor slash; addresses count from nowhere. */
function isRelativeFile(text: string): boolean {
  return (
    /[./\\]/.test(text) && !isAbsolute(text) && !/^(?:~[/\\]|[a-z][a-z0-9+-]+:\/\/)/i.test(text)
  )
}

/**
 * A launch whose folder is there. Projects and worktrees go: their gateway, which serves others too, then starts in the
 * home of the user.
 * @throws PluginError GATEWAY_START_FAILED when the folder is gone and a flag has a file in it
 */
export async function inFolder(launch: Launch, home = homedir()): Promise<Launch> {
  const found = await stat(launch.cwd).catch(() => undefined)
  if (found?.isDirectory()) return launch
  const [flag] = relativeFlags(launch.flags)
  if (flag === undefined) return {...launch, cwd: home}
  throw new PluginError(
    'GATEWAY_START_FAILED',
    `the folder ${launch.cwd} is gone, in which the gateway was started, and ${flag} counts from there`,
    {hint: 'start it anew from another folder: docker mcp gateway start'},
  )
}
