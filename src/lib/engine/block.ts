import {PluginError} from '../base/errors.ts'

/** Variables in order; of two with one name the last counts. */
export type Env = readonly (readonly [name: string, value: string])[]

export interface BlockInput {
  readonly server: string
  readonly env: Env
  /** The program and its arguments, when nobody else may see them. */
  readonly command?: readonly string[]
  /** Files that are made before the program starts. */
  readonly files?: readonly BlockFile[]
}

export interface BlockFile {
  /** Absolute, in a folder that is there. */
  readonly path: string
  readonly content: Buffer
}

/** Linux passes at most 32 pages of 4096 bytes as one string, the ending zero included (execve(2)). */
const LONGEST_STRING = 32 * 4096 - 1
/** A quarter of the stack, which has 8 MiB everywhere (execve(2)), less what the image itself has. */
const LARGEST_SUM = 2 * 1024 ** 2 - 128 * 1024
const POINTER = 8
/** The shim has room for 8192 variables, the image's own among them, and as many arguments. */
const MOST = 8000
/** Their folder is in memory and has 1 MiB, of which each file takes whole pages. */
const LARGEST_FILES = 900 * 1024
const PAGE = 4096
/** PATH_MAX (limits.h), its ending zero included, is 4096. */
const LONGEST_PATH = 4095

/**
 * All that a server's program gets, and that stands in no record of the engine: what the shim (src/native/shim.c)
 * reads before the first message.
 * @returns `MCPE1 `, the length of the rest as 8 hexadecimal digits, a newline, and the records; less than the 4 MiB
 *   that the shim has room for
 * @throws PluginError SERVER_START_FAILED naming what no process can have or what is too large; never a value
 */
export function environmentBlock({server, env, command = [], files = []}: BlockInput): Buffer {
  const argv = command.map((argument, index) => checked(server, `argument ${index}`, argument))
  const entries = plainEnvironment(server, env, argv)
  checkCount(server, 'variables', entries.length)
  checkCount(server, 'arguments', argv.length)
  checkFiles(server, files)
  const body = Buffer.concat([
    ...entries.map(entry => Buffer.from(`e${entry}\0`)),
    ...argv.map(argument => Buffer.from(`a${argument}\0`)),
    ...files.flatMap(({path, content}) => [
      Buffer.from(`f${path}\0${hex(content.length)}`),
      content,
    ]),
  ])
  return Buffer.concat([Buffer.from(`MCPE1 ${hex(body.length)}\n`), body])
}

/**
 * Variables as the engine takes them, after the same checks.
 * @param command what the program gets besides, as it counts for the same limit
 * @returns `NAME=value`
 * @throws PluginError SERVER_START_FAILED, see {@link environmentBlock}
 */
export function plainEnvironment(
  server: string,
  env: Env,
  command: readonly string[] = [],
): readonly string[] {
  const entries = env.map(([name, value]) => entryOf(server, name, value))
  const size = [...entries, ...command].reduce(
    (sum, text) => sum + Buffer.byteLength(text) + 1 + POINTER,
    0,
  )
  if (size <= LARGEST_SUM) return entries
  throw cannotStart(
    server,
    `its variables and arguments together have ${size} bytes, more than the ${LARGEST_SUM} that can be passed to a process`,
  )
}

function entryOf(server: string, name: string, value: string): string {
  const what = `environment variable ${JSON.stringify(name)}`
  if (name === '' || name.includes('=')) {
    throw cannotStart(server, `its ${what} has a name that no process can have`)
  }
  return checked(server, what, `${name}=${value}`)
}

function checked(server: string, what: string, text: string): string {
  const problem = text.includes('\0')
    ? 'contains a zero byte'
    : Buffer.byteLength(text) > LONGEST_STRING
      ? `is longer than ${LONGEST_STRING} bytes, which is what a process can be passed`
      : undefined
  if (problem === undefined) return text
  throw cannotStart(server, `its ${what} ${problem}`)
}

function checkCount(server: string, what: string, count: number): void {
  if (count <= MOST) return
  throw cannotStart(server, `its ${what} are ${count}, and there is room for ${MOST}`)
}

function checkFiles(server: string, files: readonly BlockFile[]): void {
  let used = 0
  for (const {path, content} of files) {
    const what = `file ${JSON.stringify(path)}`
    if (!path.startsWith('/') || path.includes('\0') || Buffer.byteLength(path) > LONGEST_PATH) {
      throw cannotStart(server, `its ${what} has no place in a container`)
    }
    used += Math.max(1, Math.ceil(content.length / PAGE)) * PAGE
    if (used > LARGEST_FILES) {
      const those = `its ${what} and those before it need ${used} bytes`
      throw cannotStart(
        server,
        `${those}, more than the ${LARGEST_FILES} bytes that there are for files`,
      )
    }
  }
}

function hex(length: number): string {
  return length.toString(16).padStart(8, '0')
}

function cannotStart(server: string, why: string): PluginError {
  return new PluginError('SERVER_START_FAILED', `server ${server} cannot start: ${why}`, {
    hint: 'correct it in the catalog entry, or the secret or setting it is filled from',
  })
}
