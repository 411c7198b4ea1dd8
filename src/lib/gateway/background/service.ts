import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {basename, join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {messageOf, PluginError, systemCode} from '../../base/errors.ts'
import {readTextFile, writeFileAtomic} from '../../files/atomic.ts'
import {runWords} from './run-words.ts'
import {
  launchdLabel,
  launchdPlist,
  type Service,
  systemdName,
  systemdUnit,
  windowsTask,
} from './service-text.ts'

export type ServicePlatform = 'linux' | 'macos' | 'windows'

/** Where and how a system keeps a service. */
export interface ServicePlan {
  readonly platform: ServicePlatform
  readonly file: string
  readonly text: string
  /** Checks a file with this text before it is put in place; not everywhere is what checks it. */
  readonly check: readonly string[] | undefined
  /** What makes the system know it, one command after the other; none of them starts or ends it. */
  readonly register: readonly (readonly string[])[]
  /** What fails as soon as the system has none of it any more, where it must have none before it is started. */
  readonly known: readonly string[] | undefined
  readonly start: readonly (readonly string[])[]
  readonly disable: readonly (readonly string[])[]
}

export interface ServiceSite {
  readonly platform: ServicePlatform
  readonly env: NodeJS.ProcessEnv
  readonly home: string
  readonly stateDir: string
  readonly uid: number | undefined
}

/** How a system is told to keep a gateway running. Touches nothing. */
export function servicePlan(service: Service, site: ServiceSite): ServicePlan {
  const {platform, env, home, stateDir, uid} = site
  const {name} = service
  switch (platform) {
    case 'linux': {
      const unit = systemdName(name)
      const config = env['XDG_CONFIG_HOME'] || join(home, '.config')
      const systemctl = ['systemctl', '--user']
      return {
        platform,
        file: join(config, 'systemd', 'user', unit),
        text: systemdUnit(service),
        check: ['systemd-analyze', '--user', 'verify'],
        register: [
          [...systemctl, 'daemon-reload'],
          [...systemctl, 'enable', unit],
        ],
        known: undefined,
        start: [[...systemctl, 'restart', unit]],
        disable: [[...systemctl, 'disable', '--now', unit]],
      }
    }
    case 'macos': {
      const label = launchdLabel(name)
      const domain = `gui/${uid ?? ''}`
      const file = join(home, 'Library', 'LaunchAgents', `${label}.plist`)
      return {
        platform,
        file,
        text: launchdPlist(service),
        check: ['plutil', '-lint'],
        register: [['launchctl', 'print', domain]],
        known: ['launchctl', 'print', `${domain}/${label}`],
        start: [['launchctl', 'bootstrap', domain, file]],
        disable: [['launchctl', 'bootout', `${domain}/${label}`]],
      }
    }
    case 'windows': {
      const task = `docker-mcp-gateway-${name}`
      const file = join(stateDir, 'background', `${name}.task.xml`)
      const user = [env['USERDOMAIN'], env['USERNAME']].filter(Boolean).join('\\')
      return {
        platform,
        file,
        text: windowsTask(service, user),
        check: undefined,
        register: [['schtasks', '/Create', '/TN', task, '/XML', file, '/F']],
        known: undefined,
        start: [['schtasks', '/Run', '/TN', task]],
        disable: [['schtasks', '/Delete', '/TN', task, '/F']],
      }
    }
  }
}

/** What became of a service that was removed. */
interface Removed {
  readonly wasThere: boolean
  /** Why the system was not told. */
  readonly failure: string | undefined
}

/**
 * Checks a service, puts its file in place and makes the system know it. Starts nothing, and when the system does not
 * take it, all is as it was.
 * @returns whether the file is another than it was
 * @throws PluginError FILE_INVALID when the system's own check refuses it; GATEWAY_START_FAILED when the system does not
 *   take it; FILE_DENIED
 */
export async function registerService(plan: ServicePlan): Promise<boolean> {
  await checkService(plan)
  const before = await readTextFile(plan.file)
  const isNew = before !== plan.text
  if (isNew) await writeFileAtomic(plan.file, plan.text, {mode: 0o600})
  const failure = await runAll(plan.register)
  if (failure === undefined) return isNew
  if (before === undefined) await rm(plan.file, {force: true})
  else await writeFileAtomic(plan.file, before, {mode: 0o600})
  throw new PluginError('GATEWAY_START_FAILED', `the system takes no service: ${failure}`, {
    hint: 'nothing has changed; do this where you are logged in, or see the service with --print',
  })
}

/**
 * Has the system start a service that it knows, anew when it runs.
 * @throws PluginError GATEWAY_START_FAILED
 */
export async function startService(plan: ServicePlan): Promise<void> {
  if (plan.known) {
    // What launchd has of it already would be in the way, whether it runs or not; mostly there is nothing.
    await runAll(plan.disable)
    await isForgotten(plan.known)
  }
  const failure = await runAll(plan.start)
  if (failure === undefined) return
  throw new PluginError('GATEWAY_START_FAILED', `the system does not start it: ${failure}`, {
    hint: `${plan.file} is in its place; docker mcp gateway uninstall-service removes it`,
  })
}

/** Has the system end and forget a service, and removes its file. */
export async function uninstallService(plan: ServicePlan): Promise<Removed> {
  const wasThere = (await readTextFile(plan.file)) !== undefined
  if (!wasThere) return {wasThere, failure: undefined}
  const failure = await runAll(plan.disable)
  await rm(plan.file, {force: true})
  return {wasThere, failure}
}

/** As long as launchd waits before it kills what does not end, see `ExitTimeOut`. */
const FORGOTTEN_MS = 35_000
const LOOK_MS = 100

/** Waits until the system knows it no more: it answers before it is done. */
async function isForgotten(known: readonly string[]): Promise<void> {
  const deadline = performance.now() + FORGOTTEN_MS
  while ((await runAll([known])) === undefined && performance.now() < deadline) {
    await delay(LOOK_MS)
  }
}

async function checkService({check, file, text}: ServicePlan): Promise<void> {
  if (!check) return
  const dir = await mkdtemp(join(tmpdir(), 'docker-mcp-'))
  try {
    const draft = join(dir, basename(file))
    await writeFile(draft, text, {mode: 0o600})
    // Without a session of the user there is none, and the check wants one.
    await runWords([...check, draft], {XDG_RUNTIME_DIR: dir, ...process.env})
  } catch (error) {
    // Not every system has the program that checks, or lets it do so: then nothing is said of this file.
    const why = messageOf(error)
    if (systemCode(error) === 'ENOENT' || !said(why).includes(basename(file))) return
    throw new PluginError('FILE_INVALID', `${check[0]} refuses the service: ${said(why)}`, {
      hint: 'see it with --print',
    })
  } finally {
    await rm(dir, {recursive: true, force: true})
  }
}

/** What a program said, without the command line that comes first. */
function said(message: string): string {
  return message.slice(message.indexOf('\n') + 1).trim()
}

async function runAll(commands: readonly (readonly string[])[]): Promise<string | undefined> {
  for (const command of commands) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- each needs the one before
      await runWords(command)
    } catch (error) {
      return messageOf(error).trim()
    }
  }
  return undefined
}
