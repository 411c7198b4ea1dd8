import {createHash} from 'node:crypto'
import {access, constants} from 'node:fs/promises'
import {delimiter, join} from 'node:path'
import * as z from 'zod'
import {messageOf, PluginError} from '../base/errors.ts'
import {helperProgram, runCredentialHelper} from '../plugin/credential-helper.ts'
import {dockerConfig} from './docker-config.ts'
import {forgetSecret, indexedNames, noteWriting} from './index-file.ts'
import {otherFolder} from './own-folder.ts'
import {setCommand, type SecretStore, type StoreInput} from './store.ts'

/**
 * The helper program that docker keeps logins with (`credsStore` in its config.json). Nothing there is looked at but
 * what this program has put there: helpers keep a person's logins, and telling what they have may unlock a keyring, so
 * the names are those of the index.
 * @param options `withinMs`: how long the helper has to answer, 60 s when not given
 */
export function openCredentialStore(
  input: StoreInput,
  {withinMs}: {readonly withinMs?: number} = {},
): SecretStore {
  const {paths} = input
  const kept = (name: string) => ({name, store: NAME})

  /** What the helper answered; undefined when it has nothing. */
  const run = async (verb: 'get' | 'store' | 'erase', text: string) => {
    const {helper} = await dockerConfig(paths)
    if (helper === undefined) throw new Error(NO_HELPER)
    const answer = await runCredentialHelper(helper, {verb, input: text, env: input.env, withinMs})
    if (!answer) throw new Error('it is not installed')
    return answer.found ? answer.text : undefined
  }
  const read = async (name: string) => {
    const text = await run('get', await addressOf(name, input))
    if (text === undefined) return undefined
    const answer = parse(text)
    if (!answer) throw new Error('its answer cannot be read')
    return decoded(answer)
  }
  const inWordsOf = async <T>(what: string, task: () => Promise<T>): Promise<T> => {
    try {
      return await task()
    } catch (error) {
      if (error instanceof PluginError) throw error
      const {helper} = await dockerConfig(paths)
      const who = helper === undefined ? '' : `${helperProgram(helper)}: `
      throw failed(`${what}: ${who}${messageOf(error)}`)
    }
  }

  return {
    name: NAME,
    async unavailable() {
      const {helper} = await dockerConfig(paths)
      if (helper === undefined) return NO_HELPER
      return (await isOnPath(helperProgram(helper), input.env))
        ? undefined
        : `${helperProgram(helper)}, which docker's config.json names, is not installed`
    },
    names: () => indexedNames(paths, NAME),
    async get(name) {
      if (!(await indexedNames(paths, NAME)).includes(name)) return undefined
      const what = `docker's credential helper does not give the secret ${name}`
      return inWordsOf(what, () => read(name))
    },
    async set(name, value) {
      const what = `docker's credential helper does not keep the secret ${name}`
      const json = JSON.stringify({ServerURL: await addressOf(name, input), ...encoded(value)})
      if (json.length > LONGEST_LINE) {
        throw failed(`${what}: it has ${value.length} bytes, more than a helper takes`)
      }
      await inWordsOf(what, () => noteWriting(paths, kept(name), () => run('store', json)))
    },
    async remove(name) {
      if (!(await indexedNames(paths, NAME)).includes(name)) return false
      const what = `docker's credential helper still has the secret ${name}`
      await inWordsOf(what, async () => {
        // Some helpers call it an error when there is nothing.
        if ((await read(name)) !== undefined) await run('erase', await addressOf(name, input))
      })
      return forgetSecret(paths, kept(name))
    },
    forget: name => forgetSecret(paths, kept(name)),
  }
}

const NAME = 'credentials'
const NO_HELPER = "docker's config.json names no credential helper (credsStore)"

/** Helpers read their input by lines of 64 KiB at most (Go's `bufio.MaxScanTokenSize`), and this is one. */
const LONGEST_LINE = 64 * 1024 - 1

/** The user name of every entry: some helpers keep another entry for each user. */
const USER = 'docker-mcp'
/** What a value that is written in base64 begins with. */
const BASE64 = 'base64:'

const ANSWER = z.looseObject({Username: z.string(), Secret: z.string()})

/**
 * A value is kept as it is only when nothing on its way can change it: some helpers cut line breaks off, end at a zero
 * byte, or know no other letters than those of ASCII.
 */
function encoded(value: Buffer): {readonly Username: string; readonly Secret: string} {
  const text = value.toString('latin1')
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith(BASE64)
  return {Username: USER, Secret: isPlain ? text : `${BASE64}${value.toString('base64')}`}
}

/** An entry of another user name is somebody else's. */
function decoded({Username, Secret}: z.infer<typeof ANSWER>): Buffer | undefined {
  if (Username !== USER) return undefined
  return Secret.startsWith(BASE64)
    ? Buffer.from(Secret.slice(BASE64.length), 'base64')
    : Buffer.from(Secret)
}

/**
 * What an entry is found by. Helpers take addresses of http and https alone, without a query; no host's name ends in
 * `.invalid` (RFC 2606), so that it can be no registry's.
 */
async function addressOf(name: string, input: StoreInput): Promise<string> {
  const folder = await otherFolder(input)
  // Short: one helper makes the address, in base64, the name of a file.
  const part = folder ? `${createHash('sha256').update(folder).digest('hex').slice(0, 16)}.` : ''
  return `https://${part}docker-mcp.invalid/${name}`
}

async function isOnPath(program: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const file = process.platform === 'win32' ? `${program}.exe` : program
  // Windows spells it `Path`.
  const key = Object.keys(env).find(name => name.toUpperCase() === 'PATH') ?? 'PATH'
  const folders = (env[key] ?? '').split(delimiter).filter(folder => folder !== '')
  const found = await Promise.all(
    folders.map(folder =>
      access(join(folder, file), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}

function parse(text: string): z.infer<typeof ANSWER> | undefined {
  try {
    return ANSWER.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function failed(message: string): PluginError {
  return new PluginError('STORE_UNUSABLE', message, {
    hint: `run the helper by hand to see what it says, or keep the secret in another store: ${setCommand()} --store file`,
  })
}
