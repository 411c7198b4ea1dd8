import {join, resolve} from 'node:path'
import {nearestNames} from '../base/near-names.ts'
import {homeDir} from '../files/paths.ts'

/** Stores that `--secrets` calls by a word. */
export type StoreWord = 'keyring' | 'file' | 'pass' | 'credentials' | 'run-secrets'

/** One element of `--secrets`. */
export type SpecElement =
  | {readonly kind: 'store'; readonly word: StoreWord}
  /** `isPlain`: the variables of any name count, because the user said so. */
  | {readonly kind: 'env'; readonly isPlain: boolean}
  /** A file of KEY=VALUE lines, or a folder with one file a secret; as it was written. `isUsual`: nobody named it, and only a file counts. */
  | {readonly kind: 'path'; readonly text: string; readonly isUsual?: true}

/** What counts where nothing is said, in the order in which it is asked. */
const DEFAULT_ORDER: readonly SpecElement[] = [
  {kind: 'store', word: 'keyring'},
  {kind: 'store', word: 'file'},
  {kind: 'store', word: 'pass'},
  {kind: 'store', word: 'credentials'},
  {kind: 'store', word: 'run-secrets'},
  {kind: 'env', isPlain: false},
]

/** What docker's plugin mounts: a file of KEY=VALUE lines, in a folder where every other file is one secret. */
export const MCP_SECRET = '/run/secrets/mcp_secret'

/** What docker's gateway looks into besides when it runs in a container (`DOCKER_MCP_IN_CONTAINER=1`). */
const IN_CONTAINER: readonly SpecElement[] = [MCP_SECRET, '/.env'].map(text => ({
  kind: 'path',
  text,
  isUsual: true,
}))

const DEFAULT_WORDS = new Set(['docker-desktop', 'docker-desktop-store'])
const WORDS: ReadonlySet<string> = new Set(
  DEFAULT_ORDER.flatMap(one => (one.kind === 'store' ? one.word : [])),
)

/** The stores that secrets can be put into, by the words that `--store` takes. */
export const WRITABLE_WORDS: readonly StoreWord[] = ['keyring', 'file', 'pass', 'credentials']

/** The words of `--secrets`, for those who mistype one. */
export const SPEC_WORDS: readonly string[] = ['docker-desktop', ...WORDS, 'env']

/**
 * Reads the value of `--secrets`: elements separated by `:`, the first that has a secret wins. `docker-desktop`, which
 * docker's plugin has for its own store, is the default order, and so is nothing at all. The colon of a Windows
 * drive (`C:\x.env`) separates nothing. An element that was there before is left out.
 * @param options `isInContainer`: where nothing is said, docker's files for containers come last
 */
export function parseSecretsSpec(
  spec: string,
  {isInContainer = false}: {isInContainer?: boolean} = {},
): readonly SpecElement[] {
  const written = splitSpec(spec)
  const usual = isInContainer ? [...DEFAULT_ORDER, ...IN_CONTAINER] : DEFAULT_ORDER
  const elements = written.length === 0 ? usual : written.flatMap(elementsOf)
  const keys = elements.map(keyOf)
  return elements.filter((_element, index) => keys.indexOf(keys[index] ?? '') === index)
}

/** Whether all stores of the default order are among the elements, so that whatever is put into one of them is found. */
export function hasUsualStores(elements: readonly SpecElement[]): boolean {
  const words = new Set(elements.map(keyOf))
  return DEFAULT_ORDER.every(element => element.kind !== 'store' || words.has(keyOf(element)))
}

/** Where a path of `--secrets` leads: `~/` is the home, a relative one counts from `cwd`. */
export function locateElement(text: string, input: {cwd: string; env: NodeJS.ProcessEnv}): string {
  return /^~[/\\]/.test(text) ? join(homeDir(input.env), text.slice(2)) : resolve(input.cwd, text)
}

/** Whether an element looks like a store's word and not like a file's name. */
export function isBareWord(text: string): boolean {
  return /^[\w-]+$/.test(text)
}

/** What to tell somebody whose word is no store, and no file of that name exists. */
export function noStore(word: string): string {
  const [near] = [MEANT.get(word.toLowerCase()) ?? [], nearestNames(word, SPEC_WORDS)].flat()
  const meant = near === undefined ? `there are ${SPEC_WORDS.join(', ')}` : `did you mean ${near}?`
  return `--secrets names ${word}, which is no store, and no file either: ${meant}`
}

/** What other programs call the same. */
const MEANT: ReadonlyMap<string, string> = new Map([
  ['keychain', 'keyring'],
  ['secret-service', 'keyring'],
  ['environment', 'env'],
  ['credstore', 'credentials'],
])

function elementsOf(text: string): readonly SpecElement[] {
  if (DEFAULT_WORDS.has(text)) return DEFAULT_ORDER
  if (text === 'env') return [{kind: 'env', isPlain: true}]
  if (isWord(text)) return [{kind: 'store', word: text}]
  return [{kind: 'path', text}]
}

function isWord(text: string): text is StoreWord {
  return WORDS.has(text)
}

function splitSpec(spec: string): readonly string[] {
  return spec
    .split(/(?<!(?:^|:)\s*[A-Za-z](?=:\\)):/)
    .map(element => element.trim())
    .filter(element => element !== '')
}

function keyOf(element: SpecElement): string {
  return JSON.stringify(element)
}
