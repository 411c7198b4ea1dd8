import {readFile, stat} from 'node:fs/promises'
import {resolve} from 'node:path'
import {PluginError, systemCode} from '../base/errors.ts'
import {fileDenied} from './denied.ts'
import {notedRead} from './reads.ts'

/** 256 bits, what the ciphers that a key is for take. */
const LEAST_KEY_BYTES = 32
/** No key is larger; what is, is another file. */
const MOST_FILE_BYTES = 64 * 1024

/** Docker and Compose mount secrets there, readable for all users of a container that has one. */
const MOUNTED = '/run/secrets/'

/**
 * Checks a file that holds an encryption key.
 * @throws PluginError as {@link readKeyFile}
 */
export async function checkKeyFile(path: string): Promise<void> {
  await readKeyFile(path)
}

/**
 * Reads a file that holds an encryption key: base64, hexadecimal digits, or the bytes themselves.
 * @returns the key, 32 bytes or more
 * @throws PluginError FILE_MISSING; FILE_DENIED when others may read it, or this user may not; FILE_INVALID when it is no
 *   regular file or its key is shorter than 32 bytes. Never with anything that is in it.
 */
export async function readKeyFile(path: string): Promise<Buffer> {
  const content = await readPrivateFile(path)
  if (content === undefined) throw missing(path)
  const {key, form} = keyIn(content)
  if (key.length >= LEAST_KEY_BYTES) return key
  const read = form === undefined ? '' : `, read as ${form},`
  throw new PluginError(
    'FILE_INVALID',
    `the key in ${path}${read} has ${key.length} bytes, and needs at least ${LEAST_KEY_BYTES}`,
    {hint: `make one: (umask 077; head -c 32 /dev/urandom | base64 > ${path}.new), and name that`},
  )
}

/**
 * Reads a small file that must be its owner's alone, as a key or a passphrase must. What is under `/run/secrets` may have any
 * mode: whoever runs the container decides who is in there.
 * @returns undefined when there is no such file
 * @throws PluginError FILE_DENIED when others may read or write it, or this user may not read it; FILE_INVALID when it is no
 *   regular file or larger than 64 KiB
 */
export async function readPrivateFile(path: string): Promise<Buffer | undefined> {
  // Reads are noted as text; latin1 has a character for every byte.
  const text = await notedRead(path, async () => (await readPrivate(path))?.toString('latin1'), {
    isValue: true,
  })
  return text === undefined ? undefined : Buffer.from(text, 'latin1')
}

async function readPrivate(path: string): Promise<Buffer | undefined> {
  try {
    const facts = await stat(path)
    if (!facts.isFile() || facts.size > MOST_FILE_BYTES) throw noKeyFile(path)
    const isOpen = process.platform !== 'win32' && (facts.mode & 0o077) !== 0
    if (isOpen && !resolve(path).startsWith(MOUNTED)) throw openToOthers(path)
    return await readFile(path)
  } catch (error) {
    if (error instanceof PluginError) throw error
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileDenied(error, {verb: 'read', path})
  }
}

function keyIn(content: Buffer): {readonly key: Buffer; readonly form?: string} {
  const text = content.toString('latin1').trim()
  if (/^[0-9a-f]+$/i.test(text)) {
    return {key: Buffer.from(text, 'hex'), form: 'hexadecimal digits'}
  }
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) {
    return {key: Buffer.from(text, 'base64'), form: 'base64'}
  }
  return {key: content}
}

function missing(path: string): PluginError {
  return new PluginError('FILE_MISSING', `the key file ${path} does not exist`, {
    hint: `make one: (umask 077; head -c 32 /dev/urandom | base64 > ${path})`,
  })
}

function noKeyFile(path: string): PluginError {
  return new PluginError('FILE_INVALID', `${path} is no regular file of at most 64 KiB`, {
    hint: 'name a file that holds the key or passphrase and nothing else',
  })
}

function openToOthers(path: string): PluginError {
  return new PluginError('FILE_DENIED', `others may read ${path}, which should be yours alone`, {
    hint: `chmod 600 ${path}`,
  })
}
