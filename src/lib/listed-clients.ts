import type {App} from './app.ts'
import {withGordon} from './clients/gordon-state.ts'
import {listOfUser, type ListedClient} from './clients/list.ts'
import {CLIENTS} from './clients/table.ts'
import {thisMachine} from './clients/this-machine.ts'
import {windowsAround} from './clients/wsl.ts'

/** All clients that are known, with what the files of this user say. */
export async function clientsOfUser({env, paths}: App): Promise<readonly ListedClient[]> {
  const listed = await listOfUser(CLIENTS, thisMachine(env), await windowsAround({env}))
  return withGordon(listed, {paths, env})
}
