import {resolve} from 'node:path'
import type {DockerGlobals} from './argv.ts'

/**
 * Docker's global flags as words again, for another run of this program. Files become whole paths.
 * @param cwd where relative ones count from
 */
export function globalWords(globals: DockerGlobals, cwd: string): readonly string[] {
  const {config, context, hosts, debug, logLevel, tls, tlsVerify} = globals
  const path = (file: string | undefined) => file && resolve(cwd, file)
  return [
    ...valueWords('--config', path(config)),
    ...valueWords('--context', context),
    ...hosts.flatMap(host => valueWords('--host', host)),
    ...(debug ? ['--debug'] : []),
    ...valueWords('--log-level', logLevel),
    ...(tls ? ['--tls'] : []),
    ...(tlsVerify === undefined ? [] : [`--tlsverify=${tlsVerify}`]),
    ...valueWords('--tlscacert', path(globals.tlsCaCert)),
    ...valueWords('--tlscert', path(globals.tlsCert)),
    ...valueWords('--tlskey', path(globals.tlsKey)),
  ]
}

function valueWords(flag: string, value: string | undefined): readonly string[] {
  return value === undefined || value === '' ? [] : [flag, value]
}
