import type {ContainerSpec} from '../model/server.ts'
import type {Gateway} from './gateway.ts'
import type {Fleet} from './upstream/fleet.ts'
import {prefetch} from './upstream/prefetch.ts'

/** Does what can be done for servers before anybody asks for them. Never rejects. */
export function warmUp(
  specs: readonly ContainerSpec[],
  {gateway, fleet, signal}: {gateway: Gateway; fleet: Fleet; signal: AbortSignal},
): Promise<void> {
  return prefetch(specs, {
    ensureImage: fleet.ensureImage,
    onReady: (spec, {facts}) => {
      // A server with several images shows what its entry says of it.
      if (!spec.isOneRun) gateway.hasImage(spec.name, facts.id)
      void fleet.begin([spec]) // never rejects
    },
    onFailed: ({name}, error) => gateway.failed(name, error),
    signal,
  })
}
