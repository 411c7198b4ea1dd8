import {messageOf, PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import {forgetSecret, indexedNames, noteWriting} from './index-file.ts'
import {keyringProcess, type AskKeyring} from './keyring-process.ts'
import {inWords, mostBytes} from './keyring-words.ts'
import {otherFolder} from './own-folder.ts'
import {secretService} from './secret-service.ts'
import {setCommand, type SecretStore, type StoreInput} from './store.ts'

/** How long a keyring may ask its owner to be unlocked. */
const ANSWER_MS = 60_000

/**
 * The keyring of the system: Linux's Secret Service, the login keychain of macOS, the Credential Manager of Windows.
 * What it has stands in the index, since a keyring tells it only when it is unlocked. Reading asks nobody for anything:
 * from a locked keyring it fails. Changing may have the desktop ask its owner to unlock it.
 * @param options `withinMs`: how long a keyring has to answer
 */
export function openKeyring(
  input: StoreInput,
  {withinMs = ANSWER_MS}: {readonly withinMs?: number} = {},
): SecretStore {
  const {paths} = input
  let asking: Promise<AskKeyring> | undefined

  const ask: AskKeyring = async request => {
    asking ??= startAsking(input, withinMs)
    return (await asking)(request)
  }
  const kept = (name: string) => ({name, store: NAME})

  return {
    name: NAME,
    async unavailable() {
      const state = await stateOf(input)
      if (state.is === 'absent') return state.why
      return state.is === 'locked' ? LOCKED : undefined
    },
    names: () => indexedNames(paths, NAME),
    async get(name) {
      // Most of what is looked for is not in it: that starts nothing.
      if (!(await indexedNames(paths, NAME)).includes(name)) return undefined
      const what = `the keyring does not give the secret ${name}`
      const state = await stateOf(input)
      if (state.is !== 'ready') {
        throw failed(`${what}: ${state.is === 'absent' ? state.why : LOCKED}`)
      }
      const {value} = await inWordsOf(what, async () =>
        ask({do: 'get', account: await accountOf(name, input)}),
      )
      return value === undefined ? undefined : Buffer.from(value, 'base64')
    },
    async set(name, value) {
      const what = `the keyring does not keep the secret ${name}`
      const most = mostBytes(process.platform)
      if (value.length > most) {
        throw failed(`${what}: it has ${value.length} bytes, and Windows keeps ${most} at most`)
      }
      await mustBeThere(what, input)
      const account = await accountOf(name, input)
      await inWordsOf(what, () =>
        noteWriting(paths, kept(name), () =>
          ask({do: 'set', account, value: value.toString('base64')}),
        ),
      )
    },
    async remove(name) {
      if (!(await indexedNames(paths, NAME)).includes(name)) return false
      const what = `the keyring still has the secret ${name}`
      await mustBeThere(what, input)
      await inWordsOf(what, async () => ask({do: 'remove', account: await accountOf(name, input)}))
      return forgetSecret(paths, kept(name))
    },
    forget: name => forgetSecret(paths, kept(name)),
  }
}

/**
 * One entry of the keyring that is no secret of a server, and in no list of them.
 * @param account what it is found by; it has a blank, as no name of a secret does
 * @returns its methods throw PluginError STORE_UNUSABLE when the keyring does not answer, as those of the store do
 */
export function keyringEntry(
  account: string,
  input: StoreInput,
): {
  get(): Promise<Buffer | undefined>
  set(value: Buffer): Promise<void>
  remove(): Promise<void>
} {
  const what = 'the keyring does not give or keep the key of the encrypted file'
  const ask: AskKeyring = request =>
    inWordsOf(what, async () => (await startAsking(input, ANSWER_MS))(request))
  return {
    async get() {
      const {value} = await ask({do: 'get', account})
      return value === undefined ? undefined : Buffer.from(value, 'base64')
    },
    async set(value) {
      await ask({do: 'set', account, value: value.toString('base64')})
    },
    async remove() {
      await ask({do: 'remove', account})
    },
  }
}

const NAME = 'keyring'
const LOCKED = 'the keyring is locked'

type State =
  | {readonly is: 'ready' | 'locked'; readonly address?: string}
  | {readonly is: 'absent'; readonly why: string}

async function stateOf({env}: StoreInput): Promise<State> {
  const {libraryProblem} = await import('./keyring-program.ts')
  const why = await libraryProblem()
  if (why !== undefined) return {is: 'absent', why}
  // Of the others nothing can be learned without opening them.
  return process.platform === 'linux' ? secretService(env) : {is: 'ready'}
}

async function mustBeThere(what: string, input: StoreInput): Promise<void> {
  const state = await stateOf(input)
  if (state.is === 'absent') throw failed(`${what}: ${state.why}`)
}

async function startAsking(input: StoreInput, withinMs: number): Promise<AskKeyring> {
  const [{program}, state] = await Promise.all([import('./keyring-program.ts'), stateOf(input)])
  const address = state.is === 'absent' ? undefined : state.address
  const env = address ? {...input.env, DBUS_SESSION_BUS_ADDRESS: address} : input.env
  return keyringProcess({program, env, withinMs})
}

async function inWordsOf<T>(what: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof PluginError) throw error
    throw failed(`${what}: ${inWords(oneLine(messageOf(error)))}`)
  }
}

/** What the value is found by. No name has a blank. */
async function accountOf(name: string, input: StoreInput): Promise<string> {
  const folder = await otherFolder(input)
  return folder === undefined ? name : `${name} ${folder}`
}

function failed(message: string): PluginError {
  return new PluginError('STORE_UNUSABLE', message, {
    hint: `unlock or start the keyring of this system and try again, or keep the secret in another store: ${setCommand()} --store file`,
  })
}
