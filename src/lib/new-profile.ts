import type {App} from './app.ts'
import {serverCount} from './base/count.ts'
import {listFlag} from './list-flag.ts'
import {connectable, connectToProfile} from './profile-clients.ts'
import {profilesInput} from './profile-door.ts'
import {createProfile, idFor} from './profile/manage.ts'
import {elementsFor} from './profile/references.ts'
import {untilStopped} from './until-stopped.ts'

/** `--connect`, on the commands that make a profile. */
export const connectFlag = {
  connect: listFlag({
    summary: 'a client to connect with it, in the file of the user; may be repeated',
    helpValue: '<client>',
    env: 'DOCKER_MCP_CONNECT',
  }),
}

/** What a profile is made of. */
export interface NewProfile {
  readonly name: string
  /** Made of the name when not given. */
  readonly id?: string | undefined
  /** Names or references of its servers. */
  readonly servers: readonly string[]
  /** Names of clients that are connected with it. */
  readonly clients: readonly string[]
}

/**
 * Makes a profile, connects clients with it, and says both. A client that is wrong is said before anything is made.
 * @throws PluginError see `idFor`, `connectable`, `elementsFor`, `createProfile` and `connectToProfile`
 */
export async function newProfile(
  app: App,
  {name, id, servers, clients}: NewProfile,
): Promise<void> {
  const wanted = id ?? (await idFor(name))
  const known = await connectable(app, clients, wanted)
  await untilStopped(app, async signal => {
    const input = await profilesInput(app, signal)
    const elements = await elementsFor(servers, input)
    const made = await createProfile(input, {name, id: wanted, servers: elements})
    app.io.out(`Created profile ${made} with ${serverCount(elements.length)}\n`)
    if (known.length > 0) await connectToProfile(app, known, made)
  })
}
