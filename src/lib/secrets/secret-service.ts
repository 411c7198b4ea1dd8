import {stat} from 'node:fs/promises'
import {join} from 'node:path'
import {messageOf, systemCode} from '../base/errors.ts'
import {BusError, busSocket, openBus, type Bus} from './dbus.ts'

/** What can be said of Linux's keyring without opening it. */
export type ServiceState =
  /** `address`: of the bus, for whoever talks with the keyring. */
  | {readonly is: 'ready' | 'locked'; readonly address: string}
  /** `why`: in words, without an end. */
  | {readonly is: 'absent'; readonly why: string}

/** A service that has to be started first takes a second; one that says nothing for longer is broken. */
const ANSWER_MS = 5000

/** A command asks several times, and a person waits for each answer that does not come. */
const SILENT_MS = 60_000
const silentUntil = new Map<string, number>()

/**
 * Looks whether the Secret Service (freedesktop.org's interface of gnome-keyring, KWallet and KeePassXC) is there, and
 * whether its default collection is unlocked. Asks the person for nothing, and starts no bus.
 * @param env where the bus is said to be; without that it is where systemd puts a user's bus
 * @param withinMs how long the bus and the service have for their answers
 */
export async function secretService(
  env: NodeJS.ProcessEnv,
  withinMs = ANSWER_MS,
): Promise<ServiceState> {
  const address = env['DBUS_SESSION_BUS_ADDRESS'] || (await systemdBus(env))
  if (!address) return absent('there is no D-Bus session (DBUS_SESSION_BUS_ADDRESS is not set)')
  const socket = busSocket(address)
  if (socket === undefined) {
    return absent('the D-Bus session is at an address of another kind than a Unix socket')
  }
  if (performance.now() < (silentUntil.get(address) ?? 0)) return silent(withinMs)
  const deadline = AbortSignal.timeout(withinMs)
  try {
    using bus = await openBus(socket, deadline)
    const problem = await collectionProblem(bus)
    return problem === 'locked' || problem === undefined
      ? {is: problem ?? 'ready', address}
      : absent(problem)
  } catch (error) {
    if (deadline.aborted) {
      silentUntil.set(address, performance.now() + SILENT_MS)
      return silent(withinMs)
    }
    return absent(whyNot(error))
  }
}

/** Where a user's bus is although the environment does not say so, as when a client starts us with an empty one. */
async function systemdBus(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const user = process.getuid?.()
  if (user === undefined) return undefined
  const path = join(env['XDG_RUNTIME_DIR'] || `/run/user/${user}`, 'bus')
  try {
    const facts = await stat(path)
    return facts.isSocket() && facts.uid === user ? `unix:path=${escaped(path)}` : undefined
  } catch {
    return undefined
  }
}

async function collectionProblem(bus: Bus): Promise<string | undefined> {
  const collection = await bus.call({
    to: SECRETS,
    path: '/org/freedesktop/secrets',
    interface: 'org.freedesktop.Secret.Service',
    member: 'ReadAlias',
    texts: ['default'],
  })
  if (typeof collection !== 'string') return 'the keyring service gives an answer of no sense'
  if (collection === '/') return 'the keyring service has no default keyring yet'
  const locked = await bus.call({
    to: SECRETS,
    path: collection,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    texts: ['org.freedesktop.Secret.Collection', 'Locked'],
  })
  return locked === false ? undefined : 'locked'
}

const SECRETS = 'org.freedesktop.secrets'

const WORDS: Readonly<Record<string, string>> = {
  'org.freedesktop.DBus.Error.ServiceUnknown':
    'no keyring service (gnome-keyring, KWallet, KeePassXC) is in the D-Bus session',
  'org.freedesktop.DBus.Error.NameHasNoOwner':
    'no keyring service (gnome-keyring, KWallet, KeePassXC) is in the D-Bus session',
  'org.freedesktop.DBus.Error.NoReply': 'the keyring service does not answer',
  'org.freedesktop.DBus.Error.AccessDenied': 'the D-Bus session does not let us ask the keyring',
}

function whyNot(error: unknown): string {
  if (error instanceof BusError) {
    return WORDS[error.errorName] ?? `the keyring service does not work (${error.errorName})`
  }
  const code = systemCode(error)
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return 'no D-Bus session is where DBUS_SESSION_BUS_ADDRESS says'
  }
  return `the D-Bus session cannot be used (${messageOf(error)})`
}

function silent(withinMs: number): ServiceState {
  return absent(`the D-Bus session does not answer within ${withinMs / 1000} s`)
}

function absent(why: string): ServiceState {
  return {is: 'absent', why}
}

/** What may stand in an address as it is (D-Bus specification, "Server Addresses"). */
function escaped(path: string): string {
  return path.replace(/[^\w/.\\-]/gu, letter => encodeURIComponent(letter))
}
