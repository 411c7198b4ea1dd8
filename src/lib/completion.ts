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
import {openServers} from './profile/open.ts'
import {DEFAULT_PROFILE, profileIds} from './profile/store.ts'

/**
 * Answers docker's `__complete`: what could stand at the cursor, a line each, on stdout.
 * @param known `topics`: other first words, with the one that each stands for; they are not offered themselves
 */
export async function answerCompletion(
  argv: readonly string[],
  app: App,
  {commands, topics}: {commands: Commands; topics: ReadonlyMap<string, string>},
): Promise<void> {
  const asked = readCompletion(argv)
  if (!asked) return
  const tree = Object.entries(commands).map(([id, command]) => shapeOf(id, command))
  const [first = '', ...others] = asked.words
  const words = others.length > 0 ? [topics.get(first) ?? first, ...others] : asked.words
  const lines = await complete(tree, words, kind => candidates(kind, app))
  app.io.out(`${(asked.descriptions ? lines : withoutDescriptions(lines)).join('\n')}\n`)
}

type Commands = Readonly<Record<string, CommandClass>>

/** Where the values of an argument or a flag come from, by command and name; a flag's also by its name alone. */
const ARGUMENT_VALUES: Readonly<Record<string, string>> = {
  'server:enable server': 'server',
  'server:inspect server': 'server',
  'server:install server': 'server',
  'server:disable server': 'enabled-server',
  'secret:export secret': 'secret',
  'secret:rm secret': 'secret',
  'secret:set secret': 'declared-secret',
  'catalog:add catalog': 'catalog',
  'catalog:export catalog': 'catalog',
  'catalog:fork catalog': 'catalog',
  'catalog:rm catalog': 'catalog',
  'catalog:server:add catalog': 'catalog',
  'catalog:server:inspect catalog': 'catalog',
  'catalog:server:ls catalog': 'catalog',
  'catalog:server:rm catalog': 'catalog',
  'catalog:show catalog': 'catalog',
  'profile:config profile': 'profile',
  'profile:export profile': 'profile',
  'profile:push profile': 'profile',
  'profile:rm profile': 'profile',
  'profile:server:add profile': 'profile',
  'profile:server:rm profile': 'profile',
  'profile:show profile': 'profile',
  'profile:tools profile': 'profile',
  'profile:use profile': 'profile',
  'profile:import file': 'file',
}
const FLAG_VALUES: Readonly<Record<string, string>> = {
  'secret:audit server': 'server',
  servers: 'server',
  catalog: 'catalog',
  'additional-catalog': 'catalog',
  profile: 'profile',
  'profile-file': 'file',
  registry: 'file',
  config: 'file',
  'tools-config': 'file',
  secrets: 'file',
  log: 'file',
  'to-env-file': 'file',
  'key-file': 'file',
  store: 'store',
}

function shapeOf(id: string, command: CommandClass): CommandShape {
  const flags = Object.entries(command.flags ?? {}).map(([name, flag]) => ({
    name,
    char: flag.char,
    summary: flag.summary ?? '',
    boolean: flag.type === 'boolean',
    options: flag.type === 'option' ? flag.options : undefined,
    values: FLAG_VALUES[`${id} ${name}`] ?? FLAG_VALUES[name],
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
  // Nobody reads what is said while a word is completed.
  const input = {...serversInput(app), onBroken: undefined}
  if (kind === 'enabled-server') {
    return (await openServers(input)).profile.enabled.map(value => ({value}))
  }
  if (kind === 'secret' || kind === 'declared-secret') return secretNames(kind, app)
  if (kind === 'store') {
    const {WRITABLE_WORDS} = await import('./secrets/spec.ts')
    return WRITABLE_WORDS.map(value => ({value}))
  }
  if (kind === 'profile') {
    return [...new Set([DEFAULT_PROFILE, ...(await profileIds(input.paths))])].map(value => ({
      value,
    }))
  }
  const {loaded, servers} = await loadCatalogs(input)
  if (kind === 'catalog') return loaded.map(({catalog}) => ({value: catalog.name}))
  return [...servers].map(([value, {title}]) => ({value, description: title}))
}

async function secretNames(
  kind: 'secret' | 'declared-secret',
  app: App,
): Promise<readonly Candidate[]> {
  const [{openStores}, {namesOfStores}, {secretUsers}] = await Promise.all([
    import('./secret-door.ts'),
    import('./profile/secret-rows.ts'),
    import('./profile/secret-users.ts'),
  ])
  const {usable, open} = await openStores(app, {secrets: app.env['DOCKER_MCP_SECRETS']})
  const users = secretUsers(open)
  const declared = [...users].map(([value, all]) => ({
    value,
    description: all.map(({name}) => name).join(', '),
  }))
  if (kind === 'declared-secret') return declared
  const known = await namesOfStores(usable, users.keys())
  return [...new Set(known.flatMap(({names}) => [...names]))].map(value => ({value}))
}
