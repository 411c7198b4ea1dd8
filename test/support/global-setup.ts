import {execFile} from 'node:child_process'
import {promisify} from 'node:util'

const docker = promisify(execFile)

/** Removes what all tests share once the last of them is over: the volumes of our own programs, which gateways leave. */
export async function teardown(): Promise<void> {
  const listed = ['volume', 'ls', '--quiet', '--filter', 'name=^docker-mcp-shim-[0-9a-f]{12}$']
  const {stdout} = await docker('docker', listed).catch(() => ({stdout: ''}))
  for (const name of stdout.split('\n').filter(Boolean)) {
    // One that somebody else uses stays.
    await docker('docker', ['volume', 'rm', name]).catch(() => undefined)
  }
}
