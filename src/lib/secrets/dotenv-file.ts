import {readTextFile} from '../files/atomic.ts'
import {parseDotenv} from './dotenv.ts'
import {storeError, type SecretStore} from './store.ts'

/**
 * Opens a file of KEY=VALUE lines, which is read once.
 * @returns undefined when there is no such file; a store that says why when it cannot be read
 */
export async function openDotenvFile(path: string): Promise<SecretStore | undefined> {
  const reading = readTextFile(path).then(text => text && parseDotenv(text, path))
  // Whoever asks for a secret is told.
  const isThere = await reading.then(
    values => values !== undefined,
    () => true,
  )
  if (!isThere) return undefined
  const values = async () => (await reading) || new Map<string, string>()
  return {
    name: path,
    unavailable: () => Promise.resolve(undefined),
    unreadable: () => reading.then(() => undefined, storeError),
    names: async () => [...(await values())].flatMap(([name, value]) => (value ? [name] : [])),
    async get(name) {
      const value = (await values()).get(name)
      return value === undefined ? undefined : Buffer.from(value)
    },
    howToSet: name => `put the line ${name}=<value> into ${path}, a file that only you can read`,
  }
}
