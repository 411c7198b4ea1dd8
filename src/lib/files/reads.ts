import {AsyncLocalStorage} from 'node:async_hooks'
import {lstat, readlink, stat} from 'node:fs/promises'
import {basename, join, parse, resolve, sep} from 'node:path'
import {PluginError, systemCode} from '../base/errors.ts'

/** One task whose reads count, as long as it runs. */
interface Round {
  isOpen: boolean
  readonly reads: ReadFiles
  /** The files that may not be empty or gone now. */
  readonly kept: ReadonlySet<string>
}

const rounds = new AsyncLocalStorage<Round>()

/** Which files tasks have read, found or not: whoever changes one of them changes what the tasks would give. */
export class ReadFiles {
  readonly #except: string
  readonly #streams = new Map<string, Promise<string | undefined>>()
  #prints = new Map<string, string>()
  /** Those that had something in them when they were last read for what counts. */
  #filled = new Set<string>()

  /** @param except a folder whose files do not count: what is written there is our own */
  constructor(except: string) {
    this.#except = resolve(except) + sep
  }

  /** By absolute path: what told the file, before it was read, from what it was and will be. */
  get prints(): ReadonlyMap<string, string> {
    return this.#prints
  }

  /**
   * Runs a task, and adds what it reads until it settles.
   * @throws what the task throws; what it has read by then counts
   */
  during<T>(task: () => Promise<T>): Promise<T> {
    return this.#during(task, new Set())
  }

  async #during<T>(task: () => Promise<T>, kept: ReadonlySet<string>): Promise<T> {
    const round: Round = {isOpen: true, reads: this, kept}
    try {
      return await rounds.run(round, task)
    } finally {
      // What the task has begun may go on for hours, and reads for itself.
      round.isOpen = false
    }
  }

  /**
   * As {@link during}; what was read before does not count any more when the task succeeds, and is as this task saw it
   * when it fails. A file that had something in it, and is empty or gone when the task reads it, is being written, or was
   * lost: reading it fails.
   * @throws PluginError FILE_MISSING, FILE_INVALID for such a file; what the task throws
   */
  async anew<T>(task: () => Promise<T>): Promise<T> {
    const before = this.#prints
    const filled = this.#filled
    this.#prints = new Map()
    this.#filled = new Set()
    try {
      return await this.#during(task, filled)
    } catch (error) {
      this.#prints = new Map([...before, ...this.#prints])
      this.#filled = filled
      throw error
    }
  }

  /** Reads a file for one of the tasks. */
  async note(
    path: string,
    read: () => Promise<string | undefined>,
    {kept, isValue}: {kept: ReadonlySet<string>; isValue: boolean},
  ): Promise<string | undefined> {
    if (path.startsWith(this.#except)) return read()
    const {print, isStream, isFile} = await lookAt(path)
    // A file in the place of the stream says what there is now; a stream that is gone has said it.
    if (isFile) this.#streams.delete(path)
    const known = this.#streams.get(path)
    if (known) return known
    if (!isStream) {
      if (!this.#prints.has(path)) this.#prints.set(path, print)
      const filled = this.#filled
      const found = await read()
      if (!isBlank(found)) filled.add(path)
      else if (kept.has(path) && !(isValue && found === undefined)) {
        // Also when the task goes on without it: what is missing now was there.
        filled.add(path)
        throw lost(path, found, isValue)
      }
      return found
    }
    // As in `--secrets <(…)`: it gives its text once, or makes the second reader wait forever.
    const text = read()
    this.#streams.set(path, text)
    return text
  }
}

/**
 * Reads a file; a task that is looked at by {@link ReadFiles} is known to have done so.
 * @param options `isValue`: the file is one value, which is taken back by removing the file
 */
export function notedRead(
  path: string,
  read: () => Promise<string | undefined>,
  {isValue = false}: {isValue?: boolean} = {},
): Promise<string | undefined> {
  const round = rounds.getStore()
  if (!round?.isOpen) return read()
  return round.reads.note(resolve(path), read, {kept: round.kept, isValue})
}

function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === ''
}

/** Whoever means it says it, so that nobody loses all servers to a program that writes a file in two steps. */
function lost(path: string, text: string | undefined, isValue: boolean): PluginError {
  const name = basename(path)
  const nothing = /\.(?:ya?ml|json)$/iu.test(name) ? '{}' : '# nothing'
  const written = name === 'registry.yaml' ? 'registry: {}' : nothing
  const what = text === undefined ? 'is gone' : 'is empty now'
  return new PluginError(
    text === undefined ? 'FILE_MISSING' : 'FILE_INVALID',
    `${path} ${what}, and had something in it`,
    {
      hint: isValue
        ? 'write the value again, or remove the file'
        : OF_SECRETS.has(name)
          ? 'put it back, set a secret again, or restart the gateway'
          : `put it back; if nothing is to be in it, write \`${written}\`, or restart the gateway`,
    },
  )
}

/** Files that only this program writes. */
const OF_SECRETS: ReadonlySet<string> = new Set(['secrets.enc.json', 'secrets.json'])

/** What tells a file from what it was and will be, without reading it. Never rejects. */
export async function printOf(path: string): Promise<string> {
  return (await lookAt(path)).print
}

async function lookAt(path: string): Promise<{print: string; isStream: boolean; isFile: boolean}> {
  try {
    const found = await stat(path, {bigint: true})
    const isStream = found.isFIFO() || found.isCharacterDevice() || found.isSocket()
    const {dev, ino, size, mtimeNs, ctimeNs} = found
    const print = [dev, ino, size, mtimeNs, ctimeNs].join(':')
    return {print, isStream, isFile: found.isFile()}
  } catch (error) {
    return {print: systemCode(error) ?? 'unreadable', isStream: false, isFile: false}
  }
}

/** As many as Linux follows (path_resolution(7)). */
const MOST_LINKS = 40

/**
 * The places that decide what a path leads to: the symbolic links on the way, and where they end, which need not
 * exist. Never rejects.
 */
export async function waysTo(path: string): Promise<readonly string[]> {
  const ways: string[] = []
  let {root: at} = parse(resolve(path))
  let left = partsOf(path)
  while (left.length > 0) {
    const [part = '', ...rest] = left
    const next = join(at, part)
    // oxlint-disable-next-line no-await-in-loop -- a link decides what comes after it
    const target = ways.length < MOST_LINKS ? await linkAt(next) : undefined
    if (target === undefined) {
      at = next
      left = rest
    } else {
      ways.push(next)
      const whole = resolve(at, target)
      at = parse(whole).root
      left = [...partsOf(whole), ...rest]
    }
  }
  return [...ways, at]
}

function partsOf(path: string): readonly string[] {
  const whole = resolve(path)
  return whole
    .slice(parse(whole).root.length)
    .split(sep)
    .filter(part => part !== '')
}

async function linkAt(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined
  } catch {
    return undefined
  }
}
