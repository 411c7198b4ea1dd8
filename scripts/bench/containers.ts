import {openEngine} from '../../src/lib/engine/dockerode.ts'
import {resolveEndpoint} from '../../src/lib/engine/endpoint.ts'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {statePaths} from '../../src/lib/files/paths.ts'

/** The engine that docker would use. */
export async function benchEngine(): Promise<Engine> {
  const {env} = process
  const {dockerConfigDir} = statePaths({env})
  const globals = {hosts: [], debug: false, tls: false}
  return openEngine(await resolveEndpoint({globals, env, dockerConfigDir}))
}

/** Removes what is left of a server's containers. */
export async function removeContainers(server: string): Promise<void> {
  const engine = await benchEngine()
  const left = await engine.list({'docker-mcp-name': server})
  await Promise.all(left.map(({id}) => engine.remove(id, {force: true})))
}
