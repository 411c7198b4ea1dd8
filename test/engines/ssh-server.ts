import {execFile, spawn} from 'node:child_process'
import {once} from 'node:events'
import {chmod, mkdtemp, readFile, rm, rmdir, writeFile} from 'node:fs/promises'
import {tmpdir, userInfo} from 'node:os'
import {join} from 'node:path'
import {setImmediate as turn} from 'node:timers/promises'
import {promisify} from 'node:util'

import {exists} from '../../scripts/apt.ts'
import {unpackDebian, unpackedEnv} from '../../scripts/unpack.ts'
import {quietPorts} from '../support/quiet-ports.ts'

const run = promisify(execFile)

/** An sshd on loopback that lets this user in by one key. Disposing of it ends it with all its sessions. */
export interface SshServer extends AsyncDisposable {
  readonly user: string
  readonly port: number
  /** Put in front of PATH, it has a program ssh that knows key and host, as a person's own configuration would. */
  readonly clientFolder: string
  /** Another such folder, with these lines of ssh_config(5) in front of the others. */
  client(...lines: readonly string[]): Promise<string>
  /** How many connections it has taken so far. */
  connections(): Promise<number>
}

/** @param settings lines of sshd_config(5) */
export async function sshServer(settings: readonly string[] = []): Promise<SshServer> {
  const packages = ['openssh-server', 'openssh-sftp-server', 'libwrap0']
  const root = await unpackDebian('openssh-server', packages, line =>
    process.stderr.write(`${line}\n`),
  )
  const folder = await mkdtemp(join(tmpdir(), 'ssh-server-'))
  const {username: user} = userInfo()
  const at = (name: string) => join(folder, name)
  for (const name of ['host', 'user']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)])
  }
  const [port = 0] = await quietPorts(1)
  const session = join(root, 'usr/lib/openssh/sshd-session')
  await writeFile(
    at('sshd_config'),
    [
      ...settings,
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('user.pub')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'PidFile none',
      ...((await exists(session)) ? [`SshdSessionPath ${session}`] : []),
      '',
    ].join('\n'),
  )
  const hostKey = (await readFile(at('host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
  await writeFile(at('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`)

  const client = async (...lines: readonly string[]) => {
    const place = await mkdtemp(join(folder, 'client-'))
    const config = join(place, 'config')
    const files = [`IdentityFile ${at('user')}`, `UserKnownHostsFile ${at('known_hosts')}`]
    const always = ['IdentitiesOnly yes', 'StrictHostKeyChecking yes', ...files]
    await writeFile(config, [...lines, ...always, ''].join('\n'))
    await writeFile(join(place, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${config} "$@"\n`)
    await chmod(join(place, 'ssh'), 0o755)
    return place
  }

  const isOurs = !(await exists(PRIVILEGE_FOLDER))
  const daemon = [join(root, 'usr/sbin/sshd'), '-D', '-e', '-f', at('sshd_config')]
  const [program, ...args] = [...DIES_WITH_US, ...(await asRoot(folder)), ...daemon]
  const server = spawn(program, args, {
    env: await unpackedEnv(root),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  const listening = Promise.withResolvers<void>()
  // Sessions may hold it open for longer.
  server.once('exit', () => server.stderr.destroy())
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
    if (log.includes('Server listening')) listening.resolve()
  })
  server.once('close', () => listening.reject(new Error(`sshd ended:\n${log}`)))
  await listening.promise
  return {
    user,
    port,
    clientFolder: await client(),
    client,
    async connections() {
      // What it wrote before a client got an answer has arrived as well, and is read in this turn.
      await turn()
      return log.match(/Accepted publickey/g)?.length ?? 0
    },
    async [Symbol.asyncDispose]() {
      const exit = once(server, 'exit')
      server.kill('SIGKILL')
      await exit
      await rm(folder, {recursive: true})
      if (isOurs) await rmdir(PRIVILEGE_FOLDER).catch(() => undefined)
    },
  }
}

/** Where Debian's sshd, as root, keeps those who have not signed in yet (sshd(8)). */
const PRIVILEGE_FOLDER = '/run/sshd'

/** As `ENDS_WITH_US`; what waits for the end of a namespace of processes does not heed SIGTERM. */
const DIES_WITH_US = ['setpriv', '--pdeathsig', 'SIGKILL'] as const

/**
 * As root, sshd insists on a user and a folder that only an installed package has: they are shown to it alone, in a
 * mount namespace. What its sessions run has the same view.
 */
async function asRoot(folder: string): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return []
  const passwd = await readFile('/etc/passwd', 'utf8')
  const entry = 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin'
  await writeFile(
    join(folder, 'passwd'),
    /^sshd:/m.test(passwd) ? passwd : `${passwd.trimEnd()}\n${entry}\n`,
  )
  const script = `mount --bind '${folder}/passwd' /etc/passwd && mkdir -p -m 755 ${PRIVILEGE_FOLDER} && exec "$@"`
  // The namespace of processes ends its sessions with it.
  const apart = [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
  ]
  return [...apart, 'sh', '-c', script, 'sh']
}
