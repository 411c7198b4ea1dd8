import {createInterface} from 'node:readline'
import {messageOf, systemCode} from '../base/errors.ts'
import {keepReportsPrivate} from '../base/private-reports.ts'

/**
 * A program of its own, since what it calls cannot be bounded from within: the library waits for the keyring on the
 * thread that asks, for as long as nobody answers the keyring's own question, and such a thread can neither be ended nor
 * left behind by Node. The parent ends this process instead. It reads one request a line and answers each with a line.
 */

/** Values are base64, since they are bytes. */
export interface KeyringRequest {
  readonly do: 'get' | 'set' | 'remove'
  readonly account: string
  readonly value?: string
}
/** `value`: what was asked for, none when there is none; `removed`: whether it was there. */
export interface KeyringAnswer {
  readonly value?: string
  readonly removed?: boolean
  readonly error?: string
}

/** What the entries belong to, as a person sees them in the programs that show a keyring. */
const SERVICE = 'docker-mcp'

/** The file that runs it. */
export const program = import.meta.filename

/** Why the library cannot be used on this machine, in words without an end; undefined when it can. */
export async function libraryProblem(): Promise<string | undefined> {
  try {
    await import('@napi-rs/keyring')
    return undefined
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`
    // The library is found, and misses the part of it that is made for this platform.
    return systemCode(cause) === 'ERR_MODULE_NOT_FOUND'
      ? 'the library for keyrings (@napi-rs/keyring) is not installed beside this program'
      : `the library for keyrings (@napi-rs/keyring) does not work on this ${platform} machine`
  }
}

async function answer({do: verb, account, value}: KeyringRequest): Promise<KeyringAnswer> {
  const {AsyncEntry} = await import('@napi-rs/keyring')
  // Never the kernel's own keyring, which the library would take where there is no other: it forgets all at a restart.
  const entry = new AsyncEntry(SERVICE, account, {linux: {store: 'secret-service'}})
  if (verb === 'get') {
    const bytes = await entry.getSecret()
    return bytes ? {value: Buffer.from(bytes).toString('base64')} : {}
  }
  if (verb === 'remove') return {removed: await entry.deleteCredential()}
  await entry.setSecret(Buffer.from(value ?? '', 'base64'))
  return {}
}

async function serve(): Promise<void> {
  keepReportsPrivate(process)
  // The parent has gone. The library may be waiting for somebody, and would keep this process for as long.
  process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL'))
  for await (const line of createInterface({input: process.stdin})) {
    const reply = await answer(JSON.parse(line)).catch((error: unknown) => ({
      error: messageOf(error),
    }))
    process.stdout.write(`${JSON.stringify(reply)}\n`)
  }
}

if (process.argv[1] === program) await serve()
