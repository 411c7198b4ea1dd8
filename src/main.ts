import {join} from 'node:path'
import {Config} from '@oclif/core'
import packageJson from '../package.json' with {type: 'json'}
import {allCommands} from './commands/all.ts'
import {ALIASES, LOADERS, TOPICS} from './commands/index.ts'
import {createApp, type App} from './lib/app.ts'
import {PluginError} from './lib/base/errors.ts'
import {maskKnownSecrets} from './lib/base/known-secrets.ts'
import {
  asksJson,
  booleanFlags,
  checkVariables,
  findCommand,
  parsedCommand,
  usageError,
} from './lib/command-line.ts'
import {rememberTypedSecrets, tellLastWords} from './lib/last-words.ts'
import {readInvocation, spellBooleans, type Invocation} from './lib/plugin/argv.ts'
import type {Catalog} from './lib/model/catalog.ts'
import {errorData, errorView} from './lib/ui/error-view.ts'
import {processIo, type Io} from './lib/ui/io.ts'

/**
 * Exit codes: 0 done, 1 failed, 125 a command line that this program does not know (as docker's own commands do), 130
 * a person did not go on (as after Ctrl-C).
 */
const FAILED = 1
const USAGE = 125
const CANCELLED = 130

/**
 * The program: reads the command line, runs one command, sets the exit code. Called once, by bin/docker-mcp.cjs.
 * @param root the program's folder, with package.json and what the build made in `dist`
 */
export async function main(process: NodeJS.Process, root: string): Promise<void> {
  const io = processIo(process)
  const words = process.argv.slice(2)
  let debug = false
  tellLastWords(process, text => io.err(text))
  rememberTypedSecrets(words)
  try {
    const invocation = readInvocation(words, process.env)
    debug = invocation.globals.debug
    await run(invocation, {io, process, root})
  } catch (error) {
    if (asksJson(words, process.env)) {
      const told = JSON.stringify({error: errorData(error)}, null, 2)
      io.out(`${maskKnownSecrets(told)}\n`)
    } else io.err(maskKnownSecrets(errorView(error, debug)))
    process.exitCode = exitCode(error)
  }
}

function exitCode(error: unknown): number {
  const code = error instanceof PluginError ? error.code : undefined
  if (code === 'CANCELLED') return CANCELLED
  return code === 'USAGE' ? USAGE : FAILED
}

async function run(
  invocation: Invocation,
  {io, process, root}: {io: Io; process: NodeJS.Process; root: string},
): Promise<void> {
  const {argv, globals} = invocation
  const app = createApp({
    version: packageJson.version,
    io,
    env: process.env,
    cwd: process.cwd(),
    globals,
    process,
    embeddedCatalog: () => embeddedCatalog(root),
    templates: join(root, 'templates'),
    watchdog: join(root, 'dist', 'reaper.cjs'),
    program: [process.execPath, join(root, 'bin', 'docker-mcp.cjs')],
  })
  try {
    await dispatch(argv, app, root)
  } finally {
    await app.scope.close()
  }
}

/** The build leaves the catalog beside the program, as a list of servers with their names. */
async function embeddedCatalog(root: string): Promise<Catalog> {
  const {readFile} = await import('node:fs/promises')
  const text = await readFile(join(root, 'dist', 'catalog.json'), 'utf8')
  const {servers, ...catalog} = JSON.parse(text)
  return {...catalog, servers: new Map(servers)}
}

async function dispatch(argv: readonly string[], app: App, root: string): Promise<void> {
  if (argv[0] === 'docker-cli-plugin-metadata') {
    const {pluginMetadata} = await import('./lib/plugin/metadata.ts')
    return app.io.out(pluginMetadata(app.version))
  }
  if (argv[0] === '__complete' || argv[0] === '__completeNoDesc') {
    const {answerCompletion} = await import('./lib/completion.ts')
    return answerCompletion(argv, app, {commands: await allCommands(), topics: TOPICS})
  }
  const found = findCommand(argv, {ids: Object.keys(LOADERS), aliases: ALIASES, topics: TOPICS})
  if (found.kind === 'help') return showHelp(found.words, app.io)
  const loaded = await LOADERS[found.id]?.()
  if (!loaded) return
  try {
    checkVariables(loaded.default, app.env)
    const words = spellBooleans(found.argv, booleanFlags(loaded.default))
    await new loaded.default(words, new LeanConfig({root})).invoke(app)
  } catch (error) {
    throw usageError(error, parsedCommand(found.id, loaded.default))
  }
}

async function showHelp(words: readonly string[], io: Io): Promise<void> {
  const {helpText} = await import('./lib/help.ts')
  const {topics} = packageJson.oclif
  io.out(helpText(words, {commands: await allCommands(), topics, columns: io.columns}))
}

/** What a command needs of oclif's configuration. Loading all of it would cost more than most commands take. */
class LeanConfig extends Config {
  override readonly bin = packageJson.oclif.bin
  override readonly name = packageJson.name
  override readonly version = packageJson.version
  override readonly topicSeparator = ' '

  /** No plugin of oclif's is loaded, so nobody hooks into anything. */
  override async runHook(): Promise<{successes: []; failures: []}> {
    return {successes: [], failures: []}
  }
}
