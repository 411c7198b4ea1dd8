import {PluginError} from '../../base/errors.ts'
import {withFileLock} from '../../files/lock.ts'
import {type RunningGateway, runningGateways} from '../control/client.ts'
import {gatewayFiles} from './name.ts'

/** The gateway of a name that runs now. @param stateDir where this program keeps its state */
export async function namedGateway(
  stateDir: string,
  name: string,
): Promise<RunningGateway | undefined> {
  return (await runningGateways(stateDir)).find(({record}) => record.name === name)
}

/**
 * Makes a gateway known under a name, if no other has it.
 * @param publish leaves its record
 * @throws PluginError GATEWAY_RUNNING; what `publish` throws
 */
export async function claimName<T>(
  stateDir: string,
  name: string,
  publish: () => Promise<T>,
): Promise<T> {
  const claim = async () => {
    const other = await namedGateway(stateDir, name)
    if (!other) return publish()
    throw new PluginError(
      'GATEWAY_RUNNING',
      `a gateway with the name ${name} runs already, with process id ${other.record.pid}`,
      {hint: `stop it with: docker mcp gateway stop --name ${name}, or choose another --name`},
    )
  }
  return withFileLock(gatewayFiles(stateDir, name).claim, claim, {folderMode: 0o700})
}
