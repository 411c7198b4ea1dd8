import type {FSWatcher} from 'chokidar'
import {statfs} from 'node:fs/promises'
import {dirname} from 'node:path'
import {messageOf} from '../base/errors.ts'
import {printOf, waysTo} from '../files/reads.ts'

export interface WatchInput {
  /** The files that count now, each with the print that it had when it was read. */
  readonly files: () => ReadonlyMap<string, string>
  /** Called when one of them is another than it was; the next call waits for this one. Never rejects. */
  readonly onChange: () => Promise<void>
  /** Told once when the system does not tell of changes. */
  readonly warn: (line: string) => void
}

/** Who writes several files, or one in pieces, is done by then. */
const QUIET_MS = 200
/** Who writes all the time is not waited for any longer. */
const PATIENCE_MS = 800
/** What the system does not tell is seen by then: a change of rights, of a file that is mounted. */
const SELDOM_MS = 5000
/** Where the system tells nothing. */
const OFTEN_MS = 1000

/**
 * Watches files, those too that do not exist yet, and whatever leads to them: they may be replaced, removed, or be
 * symbolic links that are turned to others. A change is what makes a file's print another one; what the system says
 * is only the reason to look. Where it says nothing, as of files on other machines, it is looked every second.
 */
export class FileWatch implements AsyncDisposable {
  readonly #input: WatchInput
  #watcher: FSWatcher | undefined
  #watched = ''
  #isDeaf = false
  #isForced = false
  #quiet: NodeJS.Timeout | undefined
  #seldom: NodeJS.Timeout | undefined
  /** When the changes began that have not been looked at. */
  #since: number | undefined
  #looking: Promise<void> = Promise.resolve()
  #isEnded = false

  constructor(input: WatchInput) {
    this.#input = input
    this.#lookNow()
  }

  /** Takes everything for changed. */
  readAnew(): void {
    this.#isForced = true
    this.#lookNow()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true
    clearTimeout(this.#quiet)
    clearTimeout(this.#seldom)
    await this.#watcher?.close()
  }

  #hear(): void {
    if (this.#isEnded) return
    const now = performance.now()
    this.#since ??= now
    const left = Math.max(0, Math.min(QUIET_MS, this.#since + PATIENCE_MS - now))
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => this.#lookNow(), left)
  }

  #lookNow(): void {
    clearTimeout(this.#quiet)
    clearTimeout(this.#seldom)
    this.#since = undefined
    this.#looking = this.#looking.then(() => this.#look())
  }

  async #look(): Promise<void> {
    if (this.#isEnded) return
    const isForced = this.#isForced
    this.#isForced = false
    if (isForced || (await this.#hasChanged())) await this.#input.onChange()
    await this.#aim()
    if (this.#isEnded) return
    clearTimeout(this.#seldom)
    this.#seldom = setTimeout(() => this.#lookNow(), this.#isDeaf ? OFTEN_MS : SELDOM_MS)
    this.#seldom.unref()
  }

  async #hasChanged(): Promise<boolean> {
    const looks = [...this.#input.files()].map(
      async ([file, print]) => print !== (await printOf(file)),
    )
    return (await Promise.all(looks)).some(Boolean)
  }

  /** Watches what counts now. What changes meanwhile is seen by the look that follows. */
  async #aim(): Promise<void> {
    const files = [...this.#input.files().keys()]
    const places = [...new Set((await Promise.all(files.map(waysTo))).flat())].toSorted()
    const watched = places.join('\n')
    if (watched === this.#watched || this.#isEnded) return
    this.#watched = watched
    await this.#watcher?.close()
    this.#isDeaf = (await Promise.all(places.map(isElsewhere))).some(Boolean)
    const {watch} = await import('chokidar')
    const watcher = watch(places, {
      backend: 'native',
      followSymlinks: false,
      ignoreInitial: true,
      atomic: false,
      // Of a folder it counts what is in it, and not what is below that.
      depth: 0,
    })
    this.#watcher = watcher
    watcher.on('all', () => this.#hear())
    watcher.on('error', error => this.#onError(error))
    watcher.once('ready', () => this.#hear())
  }

  #onError(error: unknown): void {
    if (!this.#isDeaf) this.#input.warn(deafness(error))
    this.#isDeaf = true
    this.#hear()
  }
}

/**
 * File systems whose changes by others the system is not told of, by their numbers on Linux (statfs(2)): 9P, AFS, CIFS,
 * FUSE, NFS, SMB, SMB2, VirtualBox.
 */
const ELSEWHERE: ReadonlySet<number> = new Set([
  0x01021997, 0x5346414f, 0xff534d42, 0x65735546, 0x6969, 0x517b, 0xfe534d42, 0x786f4256,
])

async function isElsewhere(path: string): Promise<boolean> {
  try {
    return process.platform === 'linux' && ELSEWHERE.has((await statfs(path)).type)
  } catch {
    const folder = dirname(path)
    return folder !== path && isElsewhere(folder)
  }
}

function deafness(error: unknown): string {
  return `! the system does not tell of changes of files, so they are looked at every second: ${messageOf(error)}`
}
