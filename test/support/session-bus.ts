import {execFile, spawn, type ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {chmod, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {createInterface} from 'node:readline'
import {promisify} from 'node:util'
import {vi} from 'vitest'
import {secretService, type ServiceState} from '../../src/lib/secrets/secret-service.ts'
import type {StoreInput} from '../../src/lib/secrets/store.ts'
import {statePaths} from '../../src/lib/files/paths.ts'

const run = promisify(execFile)

/** A D-Bus session of its own, with a home of its own. */
export interface SessionBus extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
  readonly home: string
  /** What stores are opened with there; `dockerConfigDir`: another folder than the usual one. */
  input(dockerConfigDir?: string): StoreInput
  /** Waits until somebody is asked who never answers. */
  asked(): Promise<void>
  /** Starts gnome-keyring, whose one keyring is unlocked. */
  startKeyring(): Promise<void>
  lock(): Promise<void>
  /** Starts gnome-keyring anew, with what it has on the disk. */
  unlock(): Promise<void>
}

const PASSWORD = 'correct horse'
/** A bus that once did not answer in time is not asked again for a minute. */
const BECOMES_MS = 150_000

/**
 * Starts a bus that knows no service but those that are started on it.
 * @param options `prompter`: what becomes of the keyring's questions to its owner: nobody can be asked, or nobody answers
 */
export async function sessionBus({
  prompter = 'absent',
}: {
  prompter?: 'absent' | 'silent'
} = {}): Promise<SessionBus> {
  const home = await mkdtemp(join(tmpdir(), 'bus-'))
  const services = join(home, 'services')
  const runtime = join(home, 'run')
  await mkdir(services)
  await mkdir(runtime, {mode: 0o700})
  const prompterPid = join(home, 'prompter.pid')
  if (prompter === 'silent') {
    const script = join(home, 'prompter')
    await writeFile(script, `#!/bin/sh\necho $$ > '${prompterPid}'\nexec sleep 1000\n`)
    await chmod(script, 0o755)
    const service = `[D-BUS Service]\nName=org.gnome.keyring.SystemPrompter\nExec=${script}\n`
    await writeFile(join(services, 'org.gnome.keyring.SystemPrompter.service'), service)
  }
  const socket = join(runtime, 'bus')
  const config = join(home, 'bus.conf')
  await writeFile(config, busConfig(socket, services))
  const started: ChildProcess[] = []
  const bus = spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--print-address'], {
    env: {PATH: process.env['PATH'], HOME: home},
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  started.push(bus)
  const [address = ''] = await once(createInterface({input: bus.stdout}), 'line')
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    XDG_RUNTIME_DIR: runtime,
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    DBUS_SESSION_BUS_ADDRESS: String(address),
  }
  const becomes = (state: ServiceState['is']) =>
    vi.waitUntil(async () => (await secretService(env)).is === state, {timeout: BECOMES_MS})

  const session: SessionBus = {
    env,
    home,
    input: dockerConfigDir => ({
      env,
      cwd: home,
      paths: statePaths({env, configFlag: dockerConfigDir}),
    }),
    async asked() {
      await vi.waitUntil(async () => (await textOf(prompterPid)).endsWith('\n'), {timeout: 60_000})
    },
    async startKeyring() {
      const daemon = spawn(
        'gnome-keyring-daemon',
        ['--foreground', '--unlock', '--components=secrets'],
        {env, stdio: ['pipe', 'ignore', 'ignore']},
      )
      started.push(daemon)
      daemon.stdin.end(`${PASSWORD}\n`)
      await becomes('ready')
    },
    async lock() {
      const what = 'array:objpath:/org/freedesktop/secrets/collection/login'
      const to = ['--dest=org.freedesktop.secrets', '/org/freedesktop/secrets']
      const method = 'org.freedesktop.Secret.Service.Lock'
      await run('dbus-send', ['--session', '--print-reply', ...to, method, what], {env})
      await becomes('locked')
    },
    async unlock() {
      await Promise.all(started.splice(1).map(ended))
      await session.startKeyring()
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map(ended))
      // The bus has started it, and leaves it behind.
      const pid = await textOf(prompterPid)
      if (pid !== '') process.kill(Number(pid), 'SIGKILL')
      // A prompter that begins only now writes its file into it.
      await rm(home, {recursive: true, force: true, maxRetries: 5})
    },
  }
  return session
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function busConfig(socket: string, services: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>${services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`
}
