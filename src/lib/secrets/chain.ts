import {messageOf, PluginError} from '../base/errors.ts'
import {shellWord} from '../base/shell-word.ts'
import {isFolder} from '../files/folder.ts'
import {openDotenvFile} from './dotenv-file.ts'
import {openEnvironment} from './environment.ts'
import {openFolder} from './folder.ts'
import {tellOpenToOthers} from './open-to-others.ts'
import {openReferred} from './referred.ts'
import {secretText} from './secret-bytes.ts'
import {type FoundSecret, secretSource, type SecretSource, type UnreadStore} from './source.ts'
import {harmless} from './shared-spec.ts'
import {
  hasUsualStores,
  isBareWord,
  locateElement,
  noStore,
  parseSecretsSpec,
  SPEC_WORDS,
  type SpecElement,
} from './spec.ts'
import {errorAbout, type SecretStore, setCommand, type StoreInput} from './store.ts'
import {STORES} from './stores.ts'

/** The stores that count, in their order. */
export interface SecretChain {
  /** Those too that cannot be used here, and say so. */
  readonly stores: readonly SecretStore[]
  /** Files that were named and do not exist. */
  readonly skipped: readonly {readonly name: string; readonly why: string}[]
  /** Whether the stores of the default order are among them, of which each machine lacks some. */
  readonly isUsual: boolean
  /** Whether a store says that it has a secret. Reads no value that it need not, unlocks nothing. Never rejects. */
  look(name: string): Promise<SecretLook>
  /**
   * Reads secrets: of each the first value that is not empty. A store that may have one and cannot be read is passed
   * over, unless only somebody else's file behind it has one: who could make the store fail would choose the value. It is
   * that secret's problem when none has one. Never rejects for a store.
   */
  read(names: Iterable<string>): Promise<SecretSource>
}

/** What stores say of one secret without being opened. */
export interface SecretLook {
  readonly isThere: boolean
  /**
   * Why it cannot be read now: the only stores that have it, or may have it, are locked or damaged. `isThere` is true
   * when one of them says that it has it.
   */
  readonly problem?: PluginError | undefined
}

/**
 * Opens what `--secrets` names (see `parseSecretsSpec`); the `credentials` of the gateway's own file come last.
 * @param spec `undefined` for the default order
 * @param options `isShared`: the specification is somebody else's, and so may be the names of the secrets: it leads to no
 *   file outside of `cwd`, and to no variable that is not meant for us
 * @throws PluginError FILE_MISSING, FILE_DENIED, and FILE_INVALID with `file:line`, of a file that is the only element;
 *   never with a value
 */
export async function openChain(
  spec: string | undefined,
  input: StoreInput,
  {isShared = false}: {isShared?: boolean} = {},
): Promise<SecretChain> {
  const written = parseSecretsSpec(spec ?? '', {
    isInContainer: input.env['DOCKER_MCP_IN_CONTAINER'] === '1',
  })
  const elements = isShared ? await harmless(written, input) : written
  const opened = await Promise.all(
    elements.map(element => openElement(element, isShared ? {...input, notify: undefined} : input)),
  )
  const mistyped = opened.flatMap(one => ('missing' in one ? (one.word ?? []) : []))
  if (!isShared) for (const word of mistyped) input.notify?.(noStore(word))
  const [first] = opened
  if (first && elements.length === 1 && elements[0]?.kind === 'path') await mustBeReadable(first)
  const referred = openReferred((await input.settings?.()) ?? {}, input.env)
  const stores = opened.flatMap(one => ('missing' in one ? [] : one))
  const foreign = stores.filter(
    store => isShared && elements[opened.indexOf(store)]?.kind === 'path',
  )
  return new Chain({
    foreign: new Set(foreign),
    stores: referred ? [...stores, referred] : stores,
    skipped: opened.flatMap(one =>
      'missing' in one ? {name: one.missing, why: 'it does not exist'} : [],
    ),
    mistyped,
    isUsual: hasUsualStores(elements),
  })
}

/** `word`: what was rather meant as a store. */
type Opened = SecretStore | {readonly missing: string; readonly word?: string}

async function openElement(element: SpecElement, input: StoreInput): Promise<Opened> {
  if (element.kind === 'env') return openEnvironment(input, element)
  if (element.kind === 'store') {
    const open = await STORES[element.word]()
    return open(input)
  }
  const path = locateElement(element.text, input)
  if (await isFolder(path)) return element.isUsual ? {missing: path} : openFolder(path)
  // What others mount is theirs to protect.
  if (!element.isUsual) await tellOpenToOthers(path, input.notify)
  const file = await openDotenvFile(path)
  return file ?? {missing: path, ...(isBareWord(element.text) && {word: element.text})}
}

async function mustBeReadable(only: Opened): Promise<void> {
  if (!('missing' in only)) {
    await only.names()
    return
  }
  throw new PluginError('FILE_MISSING', `the file of secrets ${only.missing} does not exist`, {
    hint: `create ${only.missing} with one KEY=VALUE a line, or name another file, a folder, or ${SPEC_WORDS.join(', ')} with --secrets`,
  })
}

interface ChainInput extends Pick<SecretChain, 'stores' | 'skipped' | 'isUsual'> {
  /** Files that somebody else named. */
  readonly foreign: ReadonlySet<SecretStore>
  /** Words that are no store and no file. */
  readonly mistyped: readonly string[]
}

class Chain implements SecretChain {
  readonly stores: readonly SecretStore[]
  readonly skipped: SecretChain['skipped']
  readonly isUsual: boolean
  readonly #foreign: ReadonlySet<SecretStore>
  readonly #mistyped: readonly string[]
  /** Each store is asked once. */
  readonly #names = new Map<SecretStore, Promise<ReadonlySet<string>>>()
  readonly #states = new Map<SecretStore, Promise<string | PluginError | undefined>>()
  /** The first value of each store that was asked for: a locked one asks a person once, and derives its key once. */
  readonly #firsts = new Map<SecretStore, Promise<unknown>>()

  constructor({stores, skipped, isUsual, foreign, mistyped}: ChainInput) {
    this.stores = stores
    this.skipped = skipped
    this.isUsual = isUsual
    this.#foreign = foreign
    this.#mistyped = mistyped
  }

  async look(name: string): Promise<SecretLook> {
    const shut: SecretLook[] = []
    for (const store of this.stores) {
      if (shut.some(({problem}) => problem) && this.#foreign.has(store)) continue
      // oxlint-disable-next-line no-await-in-loop -- a store is not bothered with what one before it has
      const look = await this.#lookIn(store, name)
      if (look.isThere && !look.problem) return look
      shut.push(look)
    }
    return {
      isThere: shut.some(({isThere}) => isThere),
      problem: shut.find(({problem}) => problem)?.problem,
    }
  }

  async read(names: Iterable<string>): Promise<SecretSource> {
    const found = await Promise.all(
      [...new Set(names)].map(async name => [name, await this.#find(name)] as const),
    )
    const known = found.flatMap(([name, one]) => (one ? [[name, one] as const] : []))
    // Who reads nothing wants to know what to do, and so does who reads what no variable can have.
    const isAll = found.length > 0 && found.every(([, one]) => one && isText(one))
    const howToSet = isAll ? setCommand : await this.#howToSet()
    return secretSource(new Map(known), howToSet)
  }

  async #find(name: string): Promise<FoundSecret | undefined> {
    const passedOver: UnreadStore[] = []
    for (const store of this.stores) {
      if (passedOver.length > 0 && this.#foreign.has(store)) continue
      // oxlint-disable-next-line no-await-in-loop -- the first that has it counts
      const found = await this.#findIn(store, name)
      if (found && 'bytes' in found) return {...found, passedOver}
      if (found) passedOver.push(found)
    }
    return passedOver[0]
  }

  async #lookIn(store: SecretStore, name: string): Promise<SecretLook> {
    let isThere = false
    try {
      isThere = await this.#hasIn(store, name)
      if (!isThere) return {isThere}
      const why = await this.#stateOf(store)
      if (why === undefined) return {isThere}
      const isWords = typeof why === 'string'
      return {isThere, problem: isWords ? unusable(store, name, why) : unreadable(store, name, why)}
    } catch (error) {
      const isSkipped = !isThere && (await isOut(store))
      return {isThere, problem: isSkipped ? undefined : unreadable(store, name, error)}
    }
  }

  async #findIn(store: SecretStore, name: string): Promise<FoundSecret | undefined> {
    let isKnown = false
    try {
      isKnown = await this.#hasIn(store, name)
      if (!isKnown) return undefined
      const why = await store.unavailable()
      if (why !== undefined) return {store: store.name, problem: unusable(store, name, why)}
      const bytes = await this.#getFrom(store, name)
      return bytes?.length ? {store: store.name, bytes} : undefined
    } catch (error) {
      const isSkipped = !isKnown && (await isOut(store))
      return isSkipped ? undefined : {store: store.name, problem: unreadable(store, name, error)}
    }
  }

  /** What a person does to set a secret: only what works here, so that each store is asked whether it does. */
  async #howToSet(): Promise<(name: string) => string> {
    if (this.isUsual) return setCommand
    const reasons: string[] = []
    for (const store of this.stores.filter(one => one.set !== undefined)) {
      // oxlint-disable-next-line no-await-in-loop -- the first that can be used
      const why = await store.unavailable().catch(messageOf)
      if (why === undefined) return name => `${setCommand(name)} --store ${store.name}`
      reasons.push(`${store.name} cannot be used here: ${why}`)
    }
    const other = ['name a store that can have it with --secrets', ...reasons].join('; ')
    const slips = this.#mistyped.map(word => `${noStore(word)}; `).join('')
    return name => slips + (this.stores.flatMap(store => store.howToSet?.(name) ?? [])[0] ?? other)
  }

  /** Why it cannot be used here, in words, or cannot be read now. */
  #stateOf(store: SecretStore): Promise<string | PluginError | undefined> {
    const ask = async () => (await store.unavailable()) ?? store.unreadable?.()
    const known = this.#states.get(store) ?? ask()
    this.#states.set(store, known)
    return known
  }

  async #getFrom(store: SecretStore, name: string): Promise<Buffer | undefined> {
    const first = this.#firsts.get(store)
    if (first) await first
    const reading = store.get(name)
    if (!first)
      this.#firsts.set(
        store,
        reading.catch(() => undefined),
      )
    return reading
  }

  async #hasIn(store: SecretStore, name: string): Promise<boolean> {
    if (store.has) return store.has(name)
    const known = this.#names.get(store) ?? store.names().then(names => new Set(names))
    this.#names.set(store, known)
    return (await known).has(name)
  }
}

/**
 * What cannot be used here at all has been skipped by everybody who looks for secrets. One that cannot even tell that is
 * not: its own error says more.
 */
async function isOut(store: SecretStore): Promise<boolean> {
  return (await store.unavailable().catch(() => undefined)) !== undefined
}

function isText(found: FoundSecret): boolean {
  return !('bytes' in found) || secretText(found.bytes) !== undefined
}

function unusable(store: SecretStore, name: string, why: string): PluginError {
  return new PluginError('SECRET_MISSING', `${store.name} has it and cannot be used here: ${why}`, {
    hint: `put it where it can be read (${setCommand(name)}), or leave ${store.name} out of --secrets; if the value is lost: docker mcp secret rm --forget ${shellWord(name)}`,
  })
}

function unreadable(store: SecretStore, name: string, thrown: unknown): PluginError {
  const error = thrown instanceof PluginError ? errorAbout(name, thrown) : thrown
  const [code, hint] =
    error instanceof PluginError
      ? [error.code, error.hint]
      : (['SECRET_MISSING', undefined] as const)
  return new PluginError(
    code,
    `${store.name} may have it and cannot be read: ${messageOf(error)}`,
    {
      hint: hint ?? `mend ${store.name}, or leave it out of --secrets`,
      cause: error,
    },
  )
}
