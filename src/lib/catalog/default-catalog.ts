import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {readGatewayFile} from '../files/gateway-file.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'
import {removeYamlKey, setYamlKey} from '../files/yaml-edit.ts'

/**
 * Says in the gateway's file whether the embedded catalog counts; the rest of the file stays.
 * @returns whether that changed anything
 * @throws PluginError FILE_INVALID for a file that is wrong already, and it stays as it is; FILE_DENIED, FILE_BUSY
 */
export async function switchDefaultCatalog(paths: StatePaths, isOn: boolean): Promise<boolean> {
  const file = paths.gatewayFile
  return withFileLock(file, async () => {
    const {catalogs} = await readGatewayFile(file)
    if ((catalogs?.default !== false) === isOn) return false
    const text = (await readTextFile(file)) ?? ''
    const path = ['catalogs', 'default']
    await writeFileAtomic(file, isOn ? removeYamlKey(text, path) : setYamlKey(text, path, false))
    return true
  })
}
