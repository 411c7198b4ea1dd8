import {realpath} from 'node:fs/promises'
import type {App} from './app.ts'

type Asking = Pick<App, 'globals' | 'env' | 'paths'>

/**
 * Where the engine is that docker itself would use, in one way of writing: two addresses are equal when they lead to the
 * same socket, or to the same port of a host by the same name. Does not speak to it.
 * @throws PluginError see `resolveEndpoint`
 */
export async function engineAddress({globals, env, paths}: Asking): Promise<string> {
  const [{resolveEndpoint}, {addressText}] = await Promise.all([
    import('./engine/endpoint.ts'),
    import('./engine/failures.ts'),
  ])
  const {dockerConfigDir} = paths
  const endpoint = await resolveEndpoint({globals, env, dockerConfigDir})
  if (endpoint.kind !== 'unix') return addressText(endpoint)
  // `/var/run` is a link to `/run` on most systems.
  const path = await realpath(endpoint.path).catch(() => endpoint.path)
  return addressText({...endpoint, path})
}

/**
 * The address of the engine that a person means who says one; clients that start us with next to no variables say none.
 * @returns undefined when neither a flag of docker nor a variable says it
 * @throws PluginError as {@link engineAddress}
 */
export async function saidEngine(app: Asking): Promise<string | undefined> {
  const {globals, env} = app
  const isSaid =
    globals.hosts.length > 0 ||
    [globals.context, env['DOCKER_HOST'], env['DOCKER_CONTEXT']].some(Boolean)
  return isSaid ? engineAddress(app) : undefined
}
