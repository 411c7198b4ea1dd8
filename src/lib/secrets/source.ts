import {join, resolve} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {readTextFile} from '../files/atomic.ts'
import {homeDir} from '../files/paths.ts'
import {parseDotenv} from './dotenv.ts'

/** Secrets that were read once. It can be logged: no value shows. */
export interface SecretSource {
  /** The value of a secret; undefined when no file has it. */
  get(name: string): string | undefined
  /** The file that {@link SecretSource.get} takes the value from. */
  where(name: string): string | undefined
  /** Elements of the specification that were not read: `docker-desktop`, and files that do not exist. */
  readonly skipped: readonly string[]
  /** Every name that has a value, each once, in the order of the files. */
  readonly names: readonly string[]
}

/**
 * Opens what `--secrets` names: files of `KEY=VALUE` lines, separated by `:`, the first that has a key wins.
 * `docker-desktop` names a store that only exists there, and is skipped. A file that does not exist is skipped
 * when there are other elements.
 * @param input `cwd`: where relative names count from; `env`: tells what `~/` is
 * @throws PluginError FILE_MISSING, FILE_DENIED, and FILE_INVALID with `file:line`; never with a value
 */
export async function openSecrets(
  spec: string,
  input: {cwd: string; env: NodeJS.ProcessEnv},
): Promise<SecretSource> {
  const elements = splitSpec(spec)
  const skipped: string[] = []
  const files: SecretFile[] = []
  for (const element of elements) {
    const path = element === DESKTOP ? undefined : locate(element, input)
    const text = path === undefined ? undefined : await readTextFile(path)
    if (path !== undefined && text !== undefined) {
      files.push({path, values: parseDotenv(text, path)})
    } else if (path !== undefined && elements.length === 1) {
      throw new PluginError('FILE_MISSING', `the file of secrets ${path} does not exist`, {
        hint: `create ${path} with one KEY=VALUE a line, or name another file with --secrets`,
      })
    } else {
      skipped.push(element)
    }
  }
  return new FileSecrets(files, skipped)
}

const DESKTOP = 'docker-desktop'

interface SecretFile {
  readonly path: string
  readonly values: ReadonlyMap<string, string>
}

/** Private members are shown neither by `util.inspect` nor by `JSON.stringify`. */
class FileSecrets implements SecretSource {
  readonly #files: readonly SecretFile[]
  readonly skipped: readonly string[]
  readonly names: readonly string[]

  constructor(files: readonly SecretFile[], skipped: readonly string[]) {
    this.#files = files
    this.skipped = skipped
    this.names = [...new Set(files.flatMap(file => [...file.values.keys()]))]
  }

  get(name: string): string | undefined {
    return this.#fileWith(name)?.values.get(name)
  }

  where(name: string): string | undefined {
    return this.#fileWith(name)?.path
  }

  #fileWith(name: string): SecretFile | undefined {
    return this.#files.find(file => file.values.has(name))
  }
}

/** The colon of a Windows drive (`C:\x.env`) separates nothing. */
function splitSpec(spec: string): readonly string[] {
  return spec
    .split(/(?<!(?:^|:)[A-Za-z](?=:\\)):/)
    .map(element => element.trim())
    .filter(element => element !== '')
}

function locate(element: string, input: {cwd: string; env: NodeJS.ProcessEnv}): string {
  const home = /^~[/\\]/.exec(element)
  return home ? join(homeDir(input.env), element.slice(2)) : resolve(input.cwd, element)
}
