import {PluginError} from '../base/errors.ts'
import {openEither} from './bridge/either.ts'
import type {EraMemory} from './bridge/eras.ts'
import type {PlannedServer} from './plan.ts'
import type {Fleet} from './upstream/fleet.ts'
import type {Openers, OpenUpstream} from './upstream/upstream.ts'

/** What opens one server, for clients without a session and for those with one. */
interface Opening {
  readonly openers: Openers
  readonly open: OpenUpstream
}

/** What opens each server: the same for as long as the server stays the same, which is how others tell that it does. */
export class ServerOpeners {
  readonly #fleet: Fleet
  readonly #eras: EraMemory
  readonly #known = new Map<string, Opening>()

  constructor({fleet, memory}: {readonly fleet: Fleet; readonly memory: EraMemory}) {
    this.#fleet = fleet
    this.#eras = memory
  }

  /** What opens a server; it opens nothing yet. */
  of({name, startTimeoutMs, start}: PlannedServer): Opening {
    const known = this.#known.get(name)
    if (known) return known
    const openers = start instanceof PluginError ? broken(start) : this.#fleet.openers(start)
    const open = openEither({server: name, openers, eras: this.#eras, startTimeoutMs})
    const opening = {openers, open}
    this.#known.set(name, opening)
    return opening
  }

  /** A server is another one from now on, or is gone. */
  forget(server: string): void {
    this.#known.delete(server)
  }
}

/** Opens a server that cannot be started as it is configured. */
function broken(why: PluginError): Openers {
  return {legacy: () => Promise.reject(why), modern: undefined, tellsOrigin: false}
}
