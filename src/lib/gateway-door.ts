import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {serversInput} from './command.ts'
import {mostUnreadBytes} from './gateway/downstream/unread.ts'
import type {Session} from './gateway/relay/session.ts'
import type {Transport} from './gateway/run.ts'
import type {GatewayDeps, GatewayOptions} from './gateway/setup.ts'
import type {GatewaySettings} from './gateway-settings.ts'
import {saysAll, saysNotice, type LogLevel} from './log-level.ts'
import {accessOf} from './model/access.ts'
import type {ListedTools} from './model/tool-cost.ts'
import {watchForStop} from './plugin/stop-signal.ts'
import type {GatewayClient} from './tools/client.ts'
import {leaveNow, leaveUnread} from './until-stopped.ts'

/**
 * What a gateway takes from the app.
 * @param options `level`: how much to say on stderr at the moment; `settings`: the gateway's own file
 */
export function gatewayDeps(
  app: App,
  {level, settings}: {level: () => LogLevel; settings: GatewaySettings},
): GatewayDeps {
  const commentary = new Commentary(app)
  return {
    ...serversInput(app),
    // It is one of the gateway's notices.
    onBroken: undefined,
    settings: () => settings.last(),
    gatewayFile: settings.file,
    version: app.version,
    engine: () => app.engine(),
    watchdog: app.watchdog,
    notify: line => {
      if (saysNotice(level(), line)) commentary.sayNow(line)
    },
    isTerminal: app.io.errIsTerminal,
    log: line => {
      if (saysAll(level())) commentary.say(line)
    },
  }
}

/** So long may words be gathered, in milliseconds: each write to stderr holds up everything else. */
const GATHER_MS = 20

/** What a gateway says to people on stderr, in the order in which it was said. */
class Commentary {
  readonly #app: App
  #lines: string[] = []

  constructor(app: App) {
    this.#app = app
    app.process.once('exit', () => this.#write())
  }

  /** Says something soon. */
  say(line: string): void {
    if (this.#lines.push(line) === 1) setTimeout(() => this.#write(), GATHER_MS).unref()
  }

  /** Says something at once, behind everything that was said before. */
  sayNow(line: string): void {
    this.#lines.push(line)
    this.#write()
  }

  #write(): void {
    const lines = this.#lines
    this.#lines = []
    if (lines.length > 0) this.#app.io.err(`${lines.join('\n')}\n`)
  }
}

/** Serves clients until a signal, docker, or the end of stdin says stop. */
export async function serve(
  app: App,
  run: {
    deps: GatewayDeps
    options: () => Promise<GatewayOptions>
    transport: Transport
    isWatching: boolean
    name?: string | undefined
    engineAddress?: () => Promise<string>
    onReady?: () => void
    refreshCatalogs?: () => Promise<unknown>
  },
): Promise<void> {
  const {process} = app
  const {runGateway} = await import('./gateway/run.ts')
  using stop = watchForStop({
    env: app.env,
    process,
    ...(run.transport.kind === 'stdio' && {stdin: process.stdin}),
    onSecond: () => leaveNow(process),
  })
  const unread = new AbortController()
  process.stdout.once('error', () => unread.abort())
  let most = 0
  const told = new Set<string>()
  const options = async () => {
    const read = await run.options()
    most = mostUnreadBytes(read.maxMessageBytes)
    return read
  }
  try {
    await runGateway({
      ...run,
      options,
      refreshCatalogs: async () => {
        const {refreshCatalogs} = await import('./catalog/update.ts')
        run.deps.fetched?.clear()
        return refreshCatalogs(run.deps, told)
      },
      stdin: process.stdin,
      write: line => app.io.out(line),
      unreadBytes: () => process.stdout.writableLength,
      unread: unread.signal,
      signal: stop.signal,
    })
  } finally {
    // A client may keep its end open; the pipe would keep this process alive, however finished it is.
    process.stdin.destroy()
    if (process.stdout.writableLength > most) leaveUnread(process)
  }
}

/**
 * Starts every server once, tells how it went, stops them.
 * @throws PluginError when one of them failed
 */
export async function dryRun(app: App, deps: GatewayDeps, options: GatewayOptions): Promise<void> {
  const started = performance.now()
  // Every server gets the time that its own entry gives it: one that never answers has failed.
  const patient = {
    ...options,
    patienceMs: LONGEST_TIMER_MS,
    showRemembered: false,
    // Servers that no client may use would not be started.
    accessControl: undefined,
  }
  const failures = await withGateway(app, {deps, options: patient}, async own => {
    await own.client.listTools()
    return [...own.failures().keys()]
  })
  deps.notify(`> Initialized in ${Math.round(performance.now() - started)}ms`)
  if (failures.length === 0) return
  throw new PluginError(
    'SERVER_START_FAILED',
    `not every server could be started: ${failures.join(', ')}`,
    {
      hint: 'the reasons are above, and in: docker mcp server status',
    },
  )
}

/** A gateway inside this process, as its only client has it. */
export interface OwnGateway {
  readonly client: GatewayClient
  /** The servers that are on, and that the access rules let this client use nothing of. */
  readonly hidden: readonly string[]
  /** The servers that have failed so far. */
  failures(): ReadonlyMap<string, PluginError>
  /** The servers that have neither listed their tools nor failed so far. */
  late(): readonly string[]
  /** The tools that each server lists, but for those that have failed; the names are the servers' own. */
  tools(): readonly ListedTools[]
}

/**
 * Runs a gateway inside this process for one client, which is handed to `use`; stops it afterwards.
 */
export async function withGateway<T>(
  app: App,
  run: {deps: GatewayDeps; options: GatewayOptions},
  use: (gateway: OwnGateway) => Promise<T>,
): Promise<T> {
  const [{setUpGateway}, {needsEngine}, {connectClient}] = await Promise.all([
    import('./gateway/setup.ts'),
    import('./gateway/plan.ts'),
    import('./tools/client.ts'),
  ])
  // Nobody comes a second time for what would be kept ready.
  const options = {...run.options, standbyMemoryBytes: 0}
  const {gateway, plan} = await setUpGateway(run.deps, options)
  app.scope.use(gateway)
  // Once for all servers, rather than once for each of them.
  if (needsEngine(plan)) await run.deps.engine()
  const {env, process} = app
  using _ = tellWhenSlow(app, `Starting ${plan.servers.map(({name}) => name).join(', ')} …`)
  using stop = watchForStop({env, process, onSecond: () => leaveNow(process)})
  const stopped = new Promise<never>((_resolve, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason), {once: true})
  })
  // Whoever races with it gets the reason; before that there is nobody to tell.
  stopped.catch(() => undefined)
  let session: Session | undefined
  const client = await connectClient(downstream => {
    session = gateway.openSession('local', downstream, options.client)
    return session
  }, app.version)
  const access = accessOf(options.accessControl, options.client)
  const names = plan.servers.map(({name}) => name)
  const own: OwnGateway = {
    client,
    hidden: names.filter(name => !access.mayUse(name)),
    failures: () => gateway.failures,
    late: () => (session?.unanswered('tools') ?? []).filter(name => !gateway.failures.has(name)),
    tools: () =>
      (session?.listed('tools') ?? []).filter(({server}) => !gateway.failures.has(server)),
  }
  // Awaited here: what watches for signals is disposed of when this returns.
  return await Promise.race([use(own), stopped])
}

/** Timers take no more milliseconds than fit into 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Does something that may take a while, and says so to a person who waits for longer than a second. */
export async function whileSlow<T>(app: App, text: string, task: () => Promise<T>): Promise<T> {
  using _ = tellWhenSlow(app, text)
  return await task()
}

/** What a person at a terminal may take for a hanging program. */
const SLOW_MS = 1000

function tellWhenSlow(app: App, text: string): Disposable {
  const timer = setTimeout(() => app.io.errIsTerminal && app.io.err(`${text}\n`), SLOW_MS)
  return {[Symbol.dispose]: () => clearTimeout(timer)}
}
