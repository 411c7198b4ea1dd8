import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'

import {run} from '../lib/engine/engine-lab.ts'

/** Somebody who issues certificates. Everything is PEM text. */
export interface Authority {
  readonly ca: string
  /** @param altName such as `IP:127.0.0.1`; nothing for clients, who need none */
  issue(name: string, altName?: string): Promise<{readonly cert: string; readonly key: string}>
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const

/** @param folder where its files are; it is made */
export async function authority(folder: string): Promise<Authority> {
  await mkdir(folder)
  const at = (name: string) => join(folder, name)
  const files = (name: string) => ['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)]
  const subject = ['-subj', '/CN=authority of a test', '-days', '2']
  await run('openssl', ['req', '-x509', ...KEY, ...subject, ...files('ca')])
  return {
    ca: await readFile(at('ca.pem'), 'utf8'),
    async issue(name, altName) {
      const request = ['-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)]
      await run('openssl', ['req', ...KEY, '-subj', `/CN=${name}`, ...request])
      const usage = altName === undefined ? 'clientAuth' : 'serverAuth'
      await writeFile(
        at(`${name}.ext`),
        [
          `extendedKeyUsage=${usage}`,
          ...(altName === undefined ? [] : [`subjectAltName=${altName}`]),
        ].join('\n'),
      )
      const issuer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2']
      const signed = [
        '-in',
        at(`${name}.csr`),
        '-extfile',
        at(`${name}.ext`),
        '-out',
        at(`${name}.pem`),
      ]
      await run('openssl', ['x509', '-req', ...issuer, ...signed])
      const [cert, key] = await Promise.all(
        [`${name}.pem`, `${name}.key`].map(file => readFile(at(file), 'utf8')),
      )
      return {cert: cert ?? '', key: key ?? ''}
    },
  }
}
