import {createHash, scrypt} from 'node:crypto'
import {resolve} from 'node:path'
import {promisify} from 'node:util'
import {PluginError} from '../base/errors.ts'
import {readPrivateFile} from '../files/key-file.ts'

/** What it costs to derive a key from a passphrase, in scrypt's own names (RFC 7914). */
export interface ScryptCost {
  readonly N: number
  readonly r: number
  readonly p: number
}

/**
 * 128 MiB and some tenths of a second for each guess, as OWASP's Password Storage Cheat Sheet says. scrypt and not Argon2id,
 * since every Node that we run on has it: Argon2 came with Node 24, and a file must open on each machine of its owner.
 */
export const SCRYPT_COST: ScryptCost = {N: 2 ** 17, r: 8, p: 1}

const DERIVED_BYTES = 32
/** Of results that are kept: a process has one file, and another one while it is encrypted anew. */
const MOST_KEPT = 4

// Made when it is used: loading node:crypto takes longer than most of what `server ls` does.
const scryptAsync = () => promisify<string, Buffer, number, object, Buffer>(scrypt)
const kept = new Map<string, Promise<Buffer>>()

/** Whether a file may ask for that: at most 512 MiB and some seconds, at least what a guess should cost. */
export function isSafeCost({N, r, p}: ScryptCost): boolean {
  const isPower = Number.isInteger(Math.log2(N))
  return isPower && N >= 2 ** 15 && r === 8 && Number.isInteger(p) && p >= 1 && N * p <= 2 ** 19
}

/**
 * Derives 32 bytes from a passphrase, off the main thread. The same again costs nothing in this process.
 * @param cost one for which {@link isSafeCost} holds
 */
export async function stretch(passphrase: string, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
  // One passphrase has several spellings in Unicode, and keyboards differ in which they give.
  const written = passphrase.normalize('NFC')
  const id = createHash('sha256').update(JSON.stringify([written, salt.toString('hex'), cost]))
  const digest = id.digest('hex')
  const known = kept.get(digest)
  if (known) return known
  const {N, r, p} = cost
  const result = scryptAsync()(written, salt, DERIVED_BYTES, {N, r, p, maxmem: 2 * 128 * N * r})
  kept.set(digest, result)
  result.catch(() => kept.delete(digest))
  for (const oldest of [...kept.keys()].slice(0, -MOST_KEPT)) kept.delete(oldest)
  return result
}

/**
 * The passphrase that the environment gives: `DOCKER_MCP_SECRETS_PASSPHRASE`, or the file that
 * `DOCKER_MCP_SECRETS_PASSPHRASE_FILE` names, without the line break at its end.
 * @param input `cwd`: where a relative name counts from
 * @throws PluginError FILE_MISSING, FILE_DENIED, FILE_INVALID for that file; never with what is in it
 */
export async function givenPassphrase(input: {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}): Promise<string | undefined> {
  const given = input.env['DOCKER_MCP_SECRETS_PASSPHRASE']
  if (given) return given
  const named = input.env['DOCKER_MCP_SECRETS_PASSPHRASE_FILE']
  if (!named) return undefined
  const path = resolve(input.cwd, named)
  const content = await readPrivateFile(path)
  if (content === undefined) throw missing(path)
  const passphrase = content.toString('utf8').replace(/\r?\n$/, '')
  if (passphrase === '') throw empty(path)
  return passphrase
}

function missing(path: string): PluginError {
  return new PluginError('FILE_MISSING', `the file ${path} with the passphrase does not exist`, {
    hint: 'DOCKER_MCP_SECRETS_PASSPHRASE_FILE names it: write it, or name another one',
  })
}

function empty(path: string): PluginError {
  return new PluginError('FILE_INVALID', `there is no passphrase in ${path}`, {
    hint: 'write it into the first line, and nothing else',
  })
}
