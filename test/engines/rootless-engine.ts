import {execFile, spawn} from 'node:child_process'
import {once} from 'node:events'
import {
  appendFile,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises'
import {openSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {promisify} from 'node:util'

import {unpackDebian, unpackedEnv} from '../../scripts/unpack.ts'
import {ENDS_WITH_US} from '../support/private-engine.ts'
import type {OwnEngine} from './own-engine.ts'

const run = promisify(execFile)

const PACKAGES = ['rootlesskit', 'slirp4netns', 'libslirp0', 'uidmap']
const USER = 47_110
const START_MS = 60_000

/** The user has a name, further ids and a device for its network, in this mount namespace and nowhere else. */
const SETUP = `set -e
cd "$1"
for file in passwd group subuid subgid; do
  [ -e /etc/$file ] || : > /etc/$file
  mount --bind $file /etc/$file
done
mount --bind "$2" tools
mount -t tmpfs -o mode=755 tmpfs /dev/net
mknod -m 666 /dev/net/tun c 10 200
shift 2
exec "$@"
`

/**
 * Starts Debian's dockerd by way of rootlesskit, as a user that is nobody special.
 * @throws with the end of its log when it does not start
 */
export async function rootlessEngine(): Promise<OwnEngine> {
  const root = await unpackDebian('rootless', PACKAGES, line => process.stderr.write(`${line}\n`))
  const folder = await mkdtemp(join(tmpdir(), 'rootless-'))
  const at = (name: string) => join(folder, name)
  await setUp(folder)
  const tools = at('tools')
  const {LD_LIBRARY_PATH: libraries = ''} = await unpackedEnv(root)
  const env = {
    HOME: at('home'),
    XDG_RUNTIME_DIR: at('run'),
    PATH: `${tools}/usr/bin:/usr/sbin:/sbin:/usr/bin:/bin`,
    LD_LIBRARY_PATH: libraries.replaceAll(root, tools),
  }
  const log = openSync(at('log'), 'a')
  const apart = ['unshare', '--mount', '--propagation', 'private']
  const inside = ['sh', '-c', SETUP, 'sh', folder, root]
  // Who becomes somebody else is not told any more that we have ended, unless it asks again.
  const asUser = [...ENDS_WITH_US, `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups']
  const [program, ...args] = [
    ...ENDS_WITH_US,
    ...apart,
    ...inside,
    ...asUser,
    '/usr/share/docker.io/contrib/dockerd-rootless.sh',
  ]
  const server = spawn(program, args, {env, cwd: '/', stdio: ['ignore', log, log]})
  const socket = join(at('run'), 'docker.sock')
  const host = `unix://${socket}`
  const docker = async (...given: readonly string[]) => {
    const {stdout} = await run('docker', ['--host', host, ...given], {maxBuffer: 2 ** 28})
    return stdout.trimEnd()
  }
  const end = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const exit = once(server, 'exit')
      server.kill('SIGTERM')
      await exit
    }
    await rm(folder, {recursive: true, force: true})
  }
  const deadline = Date.now() + START_MS
  while ((await docker('version').catch(() => undefined)) === undefined) {
    if (server.exitCode !== null || Date.now() > deadline) {
      const words = (await readFile(at('log'), 'utf8')).split('\n').slice(-20).join('\n')
      await end()
      throw new Error(`no rootless engine:\n${words}`)
    }
    await delay(100)
  }
  return {
    host,
    socket,
    docker,
    async bring(...images) {
      const archive = at('images.tar')
      await run('docker', ['save', '--output', archive, ...images])
      await docker('load', '--quiet', '--input', archive)
      await rm(archive)
    },
    async [Symbol.asyncDispose]() {
      const left = (await docker('ps', '--all', '--quiet')).split('\n').filter(Boolean)
      if (left.length > 0) await docker('rm', '--force', ...left)
      await end()
    },
  }
}

async function setUp(folder: string): Promise<void> {
  const at = (name: string) => join(folder, name)
  await chown(folder, USER, USER)
  for (const name of ['home', 'run', 'tools']) {
    await mkdir(at(name), {mode: 0o700})
    await chown(at(name), USER, USER)
  }
  await copyFile('/etc/passwd', at('passwd'))
  await appendFile(at('passwd'), `rootless:x:${USER}:${USER}::${at('home')}:/bin/sh\n`)
  await copyFile('/etc/group', at('group'))
  await appendFile(at('group'), `rootless:x:${USER}:\n`)
  for (const name of ['subuid', 'subgid']) await writeFile(at(name), 'rootless:600000:65536\n')
}
