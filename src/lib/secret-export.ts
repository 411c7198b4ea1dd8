import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {namesOfStores} from './profile/secret-rows.ts'
import {secretUsers} from './profile/secret-users.ts'
import type {OpenStores} from './secret-door.ts'
import {openAudit} from './secrets/audit.ts'
import {unknownSecrets} from './secrets/change.ts'
import {passedOverLine} from './secrets/source.ts'
import {dotenvOf, type ExportedSecret, toDotenv} from './secrets/to-dotenv.ts'

/** Secrets as the lines of a file. */
interface Exported {
  readonly text: string
  /** How many are in it. */
  readonly count: number
  /** Those that no such file can hold. */
  readonly refused: ReturnType<typeof dotenvOf>['refused']
}

/**
 * Reads secrets for the person who asks for them, and writes that down.
 * @param names all that the stores have, when there are none
 * @throws PluginError SECRET_UNKNOWN for names that no store has, or when all are wanted and there is none;
 *   STORE_UNUSABLE when all are wanted and a store cannot tell what it has; what a store throws, and `toDotenv` for
 *   those that are named
 */
export async function exportedSecrets(
  {paths, io}: App,
  {chain, all, usable, open}: OpenStores,
  names: readonly string[] | undefined,
): Promise<Exported> {
  const wanted = new Set(names ?? (await everyName()))
  const source = await chain.read(wanted)
  const found: ExportedSecret[] = []
  const unknown: string[] = []
  for (const name of wanted) {
    const problem = source.problem(name)
    if (problem) throw problem
    const remark = passedOverLine(name, source)
    if (remark !== undefined) io.err(`! ${remark}\n`)
    const value = source.bytes(name)
    if (value) found.push({name, value})
    else unknown.push(name)
  }
  if (unknown.length > 0) throw unknownSecrets(unknown, (await askNames()).names)
  // What cannot be written is given to nobody.
  const {text, refused} = names ? {text: toDotenv(found), refused: []} : dotenvOf(found)
  const left = new Set(refused.flatMap(one => one.names))
  const written = found.filter(({name}) => !left.has(name))
  const audit = openAudit({paths, by: 'secret export', warn: line => io.err(`${line}\n`)})
  await audit.record(
    written.map(({name}) => ({secret: name, store: source.storeOf(name), outcome: 'given'})),
  )
  return {text, refused, count: written.length}

  /** A file with some of them, or with none, would pass for a backup of all. */
  async function everyName(): Promise<readonly string[]> {
    const {names: every, broken} = await askNames()
    if (broken) throw notAll(broken.name, broken.failure ?? '')
    if (every.length > 0) return every
    throw new PluginError('SECRET_UNKNOWN', 'there is no secret to export', {
      hint: 'why a store is not used: docker mcp secret ls --stores',
    })
  }

  async function askNames() {
    // What is only locked is an error, and not left out.
    const asked = all.filter(one => usable.includes(one) || one.unreadable !== undefined)
    const known = await namesOfStores(asked, secretUsers(open).keys())
    return {
      names: known.flatMap(store => [...store.names]).toSorted(),
      broken: known.find(({failure}) => failure !== undefined),
    }
  }
}

function notAll(store: string, why: string): PluginError {
  return new PluginError('STORE_UNUSABLE', `not all secrets can be exported: ${store}: ${why}`, {
    hint: 'mend the store, leave it out with --secrets, or name the secrets that you want',
  })
}
