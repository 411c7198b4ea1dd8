import {isSuccess, readAnswer, refusalIn, type Answer} from './registry-answer.ts'
import {connectRegistry, type RegistryAccess} from './registry-connection.ts'

/**
 * Fetches one thing of a repository.
 * @param path from the root of the registry, `/v2/…`
 * @param wanted `absent`: what a registry says, besides 404, that does not know of such things
 * @returns undefined when the registry says that it has no such thing
 * @throws RegistryError, UnusableError; the signal's reason
 */
export type Door = (
  path: string,
  wanted: Wanted,
  signal: AbortSignal,
) => Promise<Buffer | undefined>

interface Wanted {
  readonly accept: string
  readonly atMost: number
  readonly absent?: readonly number[]
}

/**
 * The way into a repository for reading; bounds what is read.
 * @throws RegistryError when the registry is no host's name
 */
export function registryDoor(access: Omit<RegistryAccess, 'actions'>): Door {
  const ask = connectRegistry({...access, actions: 'pull'})
  return (path, wanted, signal) => {
    // What is hashed is what was stored.
    const headers = {accept: wanted.accept, 'accept-encoding': 'identity'}
    return ask(path, {headers}, answer => bodyOf(answer, wanted), signal)
  }
}

async function bodyOf(answer: Answer, {atMost, absent = []}: Wanted): Promise<Buffer | undefined> {
  if (isSuccess(answer)) return readAnswer(answer, atMost)
  if (answer.status !== 404 && !absent.includes(answer.status)) throw refusalIn(answer, 'read')
  answer.body.destroy()
  return undefined
}
