import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {serversInput} from './command.ts'
import {mostUnreadBytes} from './gateway/downstream/unread.ts'
import type {Transport} from './gateway/run.ts'
import type {GatewayDeps, GatewayOptions} from './gateway/setup.ts'
import {watchForStop} from './plugin/stop-signal.ts'
import type {GatewayClient} from './tools/client.ts'

/**
 * What a gateway takes from the app.
 * @param options `commentary`: whether to say on stderr what goes on, besides what a person must know
 */
export function gatewayDeps(app: App, options: {commentary: boolean}): GatewayDeps {
  const commentary = new Commentary(app)
  return {
    ...serversInput(app),
    version: app.version,
    engine: () => app.engine(),
    notify: line => commentary.sayNow(line),
    isTerminal: app.io.errIsTerminal,
    log: options.commentary ? line => commentary.say(line) : () => undefined,
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
  run: {deps: GatewayDeps; options: GatewayOptions; transport: Transport},
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
  try {
    await runGateway({
      ...run,
      stdin: process.stdin,
      write: line => app.io.out(line),
      unreadBytes: () => process.stdout.writableLength,
      unread: unread.signal,
      signal: stop.signal,
    })
  } finally {
    // A client may keep its end open; the pipe would keep this process alive, however finished it is.
    process.stdin.destroy()
    const most = mostUnreadBytes(run.options.maxMessageBytes)
    if (process.stdout.writableLength > most) leaveUnread(process)
  }
}

/** What waits for a client that does not read would keep this process alive, too. */
function leaveUnread(process: NodeJS.Process): void {
  // oxlint-disable-next-line unicorn/no-process-exit -- nothing else lets go of what stdout has taken
  setTimeout(() => process.exit(), LAST_LOOK_MS).unref()
}

/** What a client that began to read again gets for the rest. */
const LAST_LOOK_MS = 1000

/**
 * Starts every server once, tells how it went, stops them.
 * @throws PluginError when one of them failed
 */
export async function dryRun(app: App, deps: GatewayDeps, options: GatewayOptions): Promise<void> {
  const started = performance.now()
  // Every server gets the time that its own entry gives it: one that never answers has failed.
  const patient = {...options, patienceMs: LONGEST_TIMER_MS, showRemembered: false}
  const failures = await withGateway(app, {deps, options: patient}, async (client, failed) => {
    await client.listTools()
    return [...failed().keys()]
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

/**
 * Runs a gateway inside this process for one client, which is handed to `use`; stops it afterwards.
 * @param use gets the client, and a function that tells which servers have failed so far
 */
export async function withGateway<T>(
  app: App,
  run: {deps: GatewayDeps; options: GatewayOptions},
  use: (client: GatewayClient, failures: () => ReadonlyMap<string, PluginError>) => Promise<T>,
): Promise<T> {
  const [{setUpGateway}, {needsEngine}, {connectClient}] = await Promise.all([
    import('./gateway/setup.ts'),
    import('./gateway/plan.ts'),
    import('./tools/client.ts'),
  ])
  const {gateway, plan} = await setUpGateway(run.deps, run.options)
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
  const client = await connectClient(
    downstream => gateway.openSession('local', downstream),
    app.version,
  )
  // Awaited here: what watches for signals is disposed of when this returns.
  return await Promise.race([use(client, () => gateway.failures), stopped])
}

/** Timers take no more milliseconds than fit into 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** What a person at a terminal may take for a hanging program. */
const SLOW_MS = 1000

function tellWhenSlow(app: App, text: string): Disposable {
  const timer = setTimeout(() => app.io.errIsTerminal && app.io.err(`${text}\n`), SLOW_MS)
  return {[Symbol.dispose]: () => clearTimeout(timer)}
}

/** A second signal means now. The engine ends what still runs when our connections to it end. */
function leaveNow(process: NodeJS.Process): void {
  // oxlint-disable-next-line unicorn/no-process-exit -- nothing may delay this
  process.exit(130)
}
