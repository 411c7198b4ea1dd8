import type {App} from './app.ts'
import {loadCatalogs} from './catalog/store.ts'
import {serversInput, type CommandClass} from './command.ts'
import {
  complete,
  readCompletion,
  withoutDescriptions,
  type Candidate,
  type CommandShape,
} from './plugin/complete.ts'
import {readProfile} from './profile/legacy.ts'

/** Answers docker's `__complete`: what could stand at the cursor, a line each, on stdout. */
export async function answerCompletion(
  argv: readonly string[],
  app: App,
  commands: Readonly<Record<string, CommandClass>>,
): Promise<void> {
  const asked = readCompletion(argv)
  if (!asked) return
  const tree = Object.entries(commands).map(([id, command]) => shapeOf(id, command))
  const lines = await complete(tree, asked.words, kind => candidates(kind, app))
  app.io.out(`${(asked.descriptions ? lines : withoutDescriptions(lines)).join('\n')}\n`)
}

/** Where the values of an argument or a flag come from, by command and name. */
const ARGUMENT_VALUES: Readonly<Record<string, string>> = {
  'server:enable server': 'server',
  'server:inspect server': 'server',
  'server:install server': 'server',
  'server:disable server': 'enabled-server',
  'catalog:show catalog': 'catalog',
}
const FLAG_VALUES: Readonly<Record<string, string>> = {
  servers: 'server',
  catalog: 'catalog',
  'additional-catalog': 'catalog',
  registry: 'file',
  config: 'file',
  'tools-config': 'file',
  secrets: 'file',
  log: 'file',
}

function shapeOf(id: string, command: CommandClass): CommandShape {
  const flags = Object.entries(command.flags ?? {}).map(([name, flag]) => ({
    name,
    char: flag.char,
    summary: flag.summary ?? '',
    boolean: flag.type === 'boolean',
    options: flag.type === 'option' ? flag.options : undefined,
    values: FLAG_VALUES[name],
    multiple: flag.type === 'option' && flag.multiple === true,
    hidden: flag.hidden === true,
  }))
  const help = {
    name: 'help',
    char: 'h',
    summary: 'show help',
    boolean: true,
    multiple: false,
    hidden: false,
  }
  const args = Object.keys(command.args).map(name => ({
    name,
    values: ARGUMENT_VALUES[`${id} ${name}`],
    multiple: !command.strict,
  }))
  const {aliases, summary = '', hidden = false} = command
  return {id, aliases, summary, hidden, flags: [...flags, help], args}
}

async function candidates(kind: string, app: App): Promise<readonly Candidate[]> {
  const input = serversInput(app)
  if (kind === 'enabled-server') {
    return (await readProfile(input.paths, {})).enabled.map(value => ({value}))
  }
  const {loaded, servers} = await loadCatalogs(input)
  if (kind === 'catalog') return loaded.map(({catalog}) => ({value: catalog.name}))
  return [...servers].map(([value, {title}]) => ({value, description: title}))
}
