import {PluginError} from '../base/errors.ts'
import {readTextFile} from '../files/atomic.ts'
import type {GatewayFile} from '../model/gateway-file.ts'
import {resolveReferences} from '../model/references.ts'
import type {Outgoing} from './agents.ts'

/**
 * How this machine reaches others, by the environment and by what the gateway's own file says of it, which wins.
 * @throws PluginError FILE_MISSING, FILE_DENIED, FILE_INVALID for the file of certificates; CONFIG_MISSING for a proxy
 *   whose variable is not set
 */
export async function outgoingOf(
  {network}: GatewayFile,
  env: NodeJS.ProcessEnv,
): Promise<Outgoing> {
  const {proxy, noProxy, caFile} = network ?? {}
  const ca = caFile === undefined ? undefined : await readCertificates(caFile)
  return {
    env: {
      ...env,
      ...(proxy !== undefined && inBothCases(['HTTP_PROXY', 'HTTPS_PROXY'], address(proxy, env))),
      ...(noProxy && inBothCases(['NO_PROXY'], noProxy.join(','))),
    },
    ...(ca !== undefined && {ca}),
  }
}

function address(proxy: string, env: NodeJS.ProcessEnv): string {
  const resolved = resolveReferences(proxy, env)
  if (resolved !== undefined && URL.canParse(resolved)) return resolved
  throw new PluginError(
    'CONFIG_MISSING',
    `the proxy of the gateway file has no address: ${proxy} refers to a variable that is not set, or to no part of one`,
    {hint: 'set the variable; what stands for a password in an address must be percent-encoded'},
  )
}

/** Programs look for one spelling or the other, and either would win over ours. */
function inBothCases(names: readonly string[], value: string): Record<string, string> {
  return Object.fromEntries(
    names.flatMap(name => [
      [name, value],
      [name.toLowerCase(), value],
    ]),
  )
}

async function readCertificates(file: string): Promise<string> {
  const text = await readTextFile(file)
  if (text === undefined) {
    throw new PluginError('FILE_MISSING', `the file of certificates ${file} does not exist`, {
      hint: 'correct network.caFile in the gateway file',
    })
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw new PluginError('FILE_INVALID', `${file} holds no certificate in PEM`, {
    hint: 'name a file with -----BEGIN CERTIFICATE----- in it',
  })
}
