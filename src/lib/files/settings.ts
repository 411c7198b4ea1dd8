import {randomBytes} from 'node:crypto'
import {chmod, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {PluginError, systemCode} from '../base/errors.ts'
import {fileDenied} from './denied.ts'
import {withFileLock} from './lock.ts'
import type {StatePaths} from './paths.ts'
import {loadDeafToSignals} from './signals.ts'

/**
 * The bearer token of this user's gateways: made once and kept, so that clients stay connected when the gateway is
 * started again. The file is readable by its owner alone, whatever it was before.
 * @throws PluginError FILE_INVALID when the file was changed into something else; FILE_DENIED, FILE_BUSY
 */
export async function gatewayToken(paths: StatePaths): Promise<string> {
  const file = tokenFile(paths)
  const {default: Conf} = await loadDeafToSignals(() => import('conf'))
  return withFileLock(file, async () => {
    try {
      const settings = new Conf<{token: string}>({
        cwd: paths.dir,
        configName: 'gateway',
        configFileMode: 0o600,
        // What no HTTP header can carry would lock everybody out.
        schema: {token: {type: 'string', minLength: 32, pattern: '^[\\x21-\\x7e]+$'}},
      })
      if (!settings.has('token')) settings.set('token', randomBytes(32).toString('base64url'))
      await keepPrivate(file)
      return settings.get('token')
    } catch (error) {
      // What the system refuses has a code, what the file holds has none.
      if (systemCode(error) !== undefined) throw fileDenied(error, {verb: 'read', path: file})
      throw new PluginError('FILE_INVALID', `${file} does not hold a gateway token`, {
        hint: 'move it away: a new one is made',
        cause: error,
      })
    }
  })
}

async function keepPrivate(file: string): Promise<void> {
  const {mode} = await stat(file)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) await chmod(file, 0o600)
}

/** The file of the gateway's token. */
export function tokenFile(paths: StatePaths): string {
  return join(paths.dir, 'gateway.json')
}
