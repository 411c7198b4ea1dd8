import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {repeatedly} from './base/repeat.ts'
import {serversInput} from './command.ts'
import type {StatusReport} from './gateway/server-status.ts'
import type {StatusInput} from './gateway/status-source.ts'
import {print, type Format} from './ui/format.ts'
import {changeDetector} from './ui/status-changes.ts'
import {statusView} from './ui/status-view.ts'
import {untilStopped} from './until-stopped.ts'

/** As often as people look at a clock. */
const EVERY_MS = 1000

/** Where the status of servers comes from. */
export function statusInput(app: App): StatusInput {
  return {
    ...serversInput(app),
    engine: () => app.engine(),
    async gateways() {
      const {runningGateways} = await import('./gateway/control/client.ts')
      return runningGateways(app.paths.stateDir)
    },
  }
}

const NO_GATEWAYS = {answering: 0, silent: 0}

type Look = (signal: AbortSignal) => Promise<StatusReport>

/**
 * Shows how servers are doing until somebody leaves or stops the program, or nobody reads it: on a terminal as a screen, elsewhere as text,
 * each time that something has happened, and once a minute.
 * @throws PluginError for files that are wrong when it begins
 */
export async function watchStatus(app: App, look: Look, format: Format): Promise<void> {
  const isScreen = format === 'human' && app.io.outIsTerminal && app.env['TERM'] !== 'dumb'
  await untilStopped(app, stop =>
    isScreen ? onScreen(app, look, stop) : asText(app, look, {format, stop}),
  )
}

async function onScreen(app: App, look: Look, stop: AbortSignal): Promise<void> {
  const {stdin, stdout} = app.process
  const {showStatus} = await import('./ui/status-screen.tsx')
  const screen = showStatus({stdin, stdout, hasColor: !app.env['NO_COLOR']})
  const left = new AbortController()
  void screen.ended.finally(() => left.abort())
  let seen: Pick<StatusReport, 'servers' | 'gateways'> = {servers: [], gateways: NO_GATEWAYS}
  try {
    const signal = AbortSignal.any([stop, left.signal])
    for await (const report of repeatedly(tolerant(look), EVERY_MS, signal)) {
      if (!(report instanceof PluginError)) seen = report
      const {servers, gateways} = seen
      const warnings = warningsOf(report)
      screen.update({servers, gateways: gateways.answering, warnings, lookedAt: Date.now()})
    }
  } finally {
    screen.stop()
    await screen.ended
  }
}

async function asText(
  app: App,
  look: Look,
  {format, stop}: {format: Format; stop: AbortSignal},
): Promise<void> {
  const isNew = changeDetector()
  let warned = ''
  for await (const report of repeatedly(tolerant(look), EVERY_MS, stop)) {
    const warnings = warningsOf(report)
      .map(line => `${line}\n`)
      .join('')
    if (warnings !== warned) app.io.err(warnings)
    warned = warnings
    if (!(report instanceof PluginError) && isNew(report.servers, Date.now())) {
      await printNext(app, report.servers, format)
    }
  }
}

/** Each value so that programs can tell it from the next: a line, or a document; for people with the time over it. */
async function printNext(
  app: App,
  servers: StatusReport['servers'],
  format: Format,
): Promise<void> {
  if (format === 'json') {
    app.io.out(`${JSON.stringify(servers)}\n`)
    return
  }
  app.io.out(format === 'yaml' ? '---\n' : `${new Date().toISOString()}\n`)
  await printStatus(app, servers, format)
  if (format === 'human') app.io.out('\n')
}

/** Prints the status of servers once. */
export async function printStatus(
  app: App,
  servers: StatusReport['servers'],
  format: Format,
): Promise<void> {
  const {io} = app
  const columns = io.outIsTerminal ? io.columns : Number.POSITIVE_INFINITY
  await print(io, servers, {
    format,
    human: all => statusView(all, {now: Date.now(), columns}),
  })
}

/** What keeps things from being seen, a line each. */
function warningsOf(report: StatusReport | PluginError): readonly string[] {
  if (report instanceof PluginError) return [wordsOf(report)]
  const {engineFailure, keysFailure, gateways} = report
  return [
    ...(engineFailure ? [wordsOf(engineFailure)] : []),
    ...(keysFailure ? [wordsOf(keysFailure)] : []),
    ...(gateways.silent === 0 ? [] : [silentGateways(gateways.silent)]),
  ]
}

/** What to say of gateways that run and do not answer. */
export function silentGateways(count: number): string {
  const who = count === 1 ? 'a gateway runs and does' : `${count} gateways run and do`
  return `${who} not answer: only what the engine tells of its servers is shown`
}

function wordsOf({message, hint}: PluginError): string {
  return hint === undefined ? message : `${message} (${hint})`
}

/** A file that somebody is writing may be wrong for a moment: once a look has worked, that ends nothing. */
function tolerant(look: Look): (signal: AbortSignal) => Promise<StatusReport | PluginError> {
  let hasWorked = false
  return async signal => {
    try {
      const report = await look(signal)
      hasWorked = true
      return report
    } catch (error) {
      if (hasWorked && error instanceof PluginError) return error
      throw error
    }
  }
}
