import {access} from 'node:fs/promises'
import {delimiter, join} from 'node:path'

import {capture, type Outcome} from './process.ts'

/** Whether this process may install Debian's packages: as root, where there is an apt-get. */
export async function canInstall(): Promise<boolean> {
  return process.platform === 'linux' && process.getuid?.() === 0 && (await hasProgram('apt-get'))
}

/**
 * Installs packages with apt-get, without what they only recommend. The package lists of a fresh machine are empty
 * or old, so the first attempt may fail for that reason only.
 * @param report gets a line when the lists have to be updated
 * @returns the end of what apt-get said when it failed, else undefined
 */
export async function aptInstall(
  packages: readonly string[],
  report: (line: string) => void,
): Promise<string | undefined> {
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages]
  if ((await apt(install)).code === 0) return undefined
  report('apt: updating the package lists')
  const update = await apt(['update', '-qq'])
  const outcome = await apt(install)
  if (outcome.code === 0) return undefined
  const words = [update.stderr, outcome.stdout, outcome.stderr].join('\n')
  return `apt-get install ${packages.join(' ')} failed:\n${lastLines(words, 15)}`
}

async function apt(args: readonly string[]): Promise<Outcome> {
  const env = {...process.env, DEBIAN_FRONTEND: 'noninteractive'}
  return capture('apt-get', args, {env, timeout: 600_000})
}

/** Whether a program of that name is in one of the folders of PATH. */
export async function hasProgram(name: string): Promise<boolean> {
  return (await programPath(name)) !== undefined
}

/** The path of a program of that name in the first folder of PATH that has it. */
export async function programPath(name: string): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const paths = folders.map(folder => join(folder, name))
  const found = await Promise.all(paths.map(async path => exists(path)))
  return paths[found.indexOf(true)]
}

/** Whether there is something at that path that this user can see. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

/** The last `count` lines of a text that are not empty. */
export function lastLines(text: string, count: number): string {
  return text
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(-count)
    .join('\n')
}
