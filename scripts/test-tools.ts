import {access} from 'node:fs/promises'
import {delimiter, join} from 'node:path'

import {capture} from './process.ts'

/** What the tests run besides docker, and Debian's packages that bring it. */
const TOOLS = [
  {programs: ['gcc'], packages: ['gcc', 'libc6-dev']},
  {programs: ['docker-registry'], packages: ['docker-registry']},
  {programs: ['ip'], packages: ['iproute2']},
  {
    programs: [
      'dbus-daemon',
      'dbus-send',
      'gnome-keyring-daemon',
      'docker-credential-secretservice',
    ],
    packages: ['dbus-daemon', 'dbus-bin', 'gnome-keyring', 'golang-docker-credential-helpers'],
  },
  {programs: ['ps'], packages: ['procps']},
  {programs: ['strace'], packages: ['strace']},
  {programs: ['tmux'], packages: ['tmux']},
  {programs: ['setpriv', 'unshare', 'nsenter'], packages: ['util-linux']},
] as const

/**
 * Names of the programs that tests of isolation and images need and this machine does not have.
 */
export async function missingTools(): Promise<readonly string[]> {
  const programs = TOOLS.flatMap(tool => tool.programs)
  const found = await Promise.all(programs.map(hasProgram))
  return programs.filter((_, index) => !found[index])
}

/**
 * Installs the programs that tests of isolation and images need, where that is ours to do: as root, with apt. Elsewhere those
 * tests are skipped, and say what is missing.
 * @param report gets one line when something is installed, and one when that fails
 */
export async function ensureTestTools(report: (line: string) => void): Promise<void> {
  const missing = new Set<string>(await missingTools())
  const isOurs = process.getuid?.() === 0 && (await hasProgram('apt-get'))
  if (missing.size === 0 || !isOurs) return
  const packages = TOOLS.filter(({programs}) => programs.some(name => missing.has(name))).flatMap(
    tool => tool.packages,
  )
  report(`test: installing ${packages.join(' ')} with apt-get`)
  const env = {...process.env, DEBIAN_FRONTEND: 'noninteractive'}
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages]
  if ((await capture('apt-get', install, {env})).code === 0) return
  await capture('apt-get', ['update', '-qq'], {env})
  const {code, stderr} = await capture('apt-get', install, {env})
  if (code !== 0) report(`test: that failed, and tests of isolation are skipped: ${stderr}`)
}

async function hasProgram(name: string): Promise<boolean> {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = await Promise.all(
    folders.map(folder =>
      access(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}
