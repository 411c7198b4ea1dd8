import {createPrivateKey, X509Certificate, type KeyObject} from 'node:crypto'
import {readFile, stat} from 'node:fs/promises'
import {resolve} from 'node:path'
import {createSecureContext} from 'node:tls'
import {messageOf, PluginError, systemCode} from '../../base/errors.ts'
import {fileDenied} from '../../files/denied.ts'

/** Older versions are broken (RFC 8996). */
export const TLS_VERSIONS = {minVersion: 'TLSv1.2'} as const

/** The names of two PEM files, as the user wrote them. */
export interface TlsFiles {
  /** The server's certificate, and behind it those that lead to a known authority. */
  readonly cert: string
  /** Its private key, not encrypted. */
  readonly key: string
}

/** What the two files hold. */
export interface TlsPair {
  readonly cert: Buffer
  readonly key: Buffer
}

/**
 * Reads a certificate and its key, and makes sure that they can be used together.
 * @param input `cwd`: what the names are relative to; `warn`: told what is unsafe or will not work for clients
 * @throws PluginError FILE_MISSING, FILE_DENIED, FILE_INVALID that names the file and what is wrong with it
 */
export async function readTls(
  files: TlsFiles,
  {cwd, warn}: {cwd: string; warn: (text: string) => void},
): Promise<TlsPair> {
  const [certFile, keyFile] = [resolve(cwd, files.cert), resolve(cwd, files.key)]
  const pair = {cert: await read(certFile, '--tls-cert'), key: await read(keyFile, '--tls-key')}
  const certificate = certificateIn(pair.cert, certFile)
  if (!certificate.checkPrivateKey(keyIn(pair.key, keyFile))) {
    throw invalid(keyFile, `is not the key of the certificate ${certFile}`, {
      hint: 'give the two files that were made together',
    })
  }
  try {
    createSecureContext({...pair, ...TLS_VERSIONS})
  } catch (cause) {
    throw invalid(certFile, `cannot be used for TLS: ${messageOf(cause)}`, {hint: MAKE_ONE, cause})
  }
  if (new Date(certificate.validTo).getTime() < Date.now()) {
    warn(`! The certificate ${certFile} expired on ${certificate.validTo}: clients will refuse it.`)
  }
  if (await isReadByAll(keyFile)) {
    warn(`! Everybody on this machine may read the private key; run: chmod o= ${keyFile}`)
  }
  return pair
}

const MAKE_ONE = 'docs/gateway.md shows how to make a certificate and its key'

async function read(path: string, flag: string): Promise<Buffer> {
  try {
    // Reading a pipe would wait for whoever writes to it, for ever.
    if (!(await stat(path)).isFile()) throw invalid(path, 'is no file', {hint: MAKE_ONE})
    return await readFile(path)
  } catch (error) {
    if (error instanceof PluginError) throw error
    if (systemCode(error) !== 'ENOENT') throw fileDenied(error, {verb: 'read', path})
    throw new PluginError('FILE_MISSING', `the file of ${flag}, ${path}, does not exist`, {
      hint: MAKE_ONE,
      cause: error,
    })
  }
}

function certificateIn(pem: Buffer, path: string): X509Certificate {
  try {
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return new X509Certificate(pem)
  } catch (cause) {
    throw invalid(path, 'holds a certificate that is damaged', {hint: MAKE_ONE, cause})
  }
  throw invalid(path, 'holds no certificate in PEM form', {hint: MAKE_ONE})
}

function keyIn(pem: Buffer, path: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem.toString('latin1'))) {
    throw invalid(path, 'holds no private key in PEM form', {hint: MAKE_ONE})
  }
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    // The library's own words may quote what is in the file.
    throw invalid(path, 'holds a private key that is encrypted or damaged', {
      hint: `without its password: openssl pkey -in ${path}`,
      cause: new Error(systemCode(cause) ?? 'unreadable key'),
    })
  }
}

function invalid(
  path: string,
  what: string,
  options: {hint: string; cause?: unknown},
): PluginError {
  return new PluginError('FILE_INVALID', `${path} ${what}`, options)
}

/** A group of its own for keys is common. */
async function isReadByAll(path: string): Promise<boolean> {
  if (process.platform === 'win32') return false
  return ((await stat(path)).mode & 0o004) !== 0
}
