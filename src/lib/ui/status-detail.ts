import {shortened, type Line, type Tone} from './lines.ts'
import {ago, memory, oneLine, percent, age, type ShownServer} from './status-cells.ts'
import {reasonText} from './status-view.ts'
import {visible} from './visible.ts'
import {wrapWhole} from './wrap.ts'

/** `now` in milliseconds since 1970; `columns`: width to wrap to */
interface At {
  readonly now: number
  readonly columns: number
}

/** Everything that is known of one server: first what a person should act on. */
export function detailLines(server: ShownServer, at: At): readonly Line[] {
  const {reason, next, rest} = partsOf(server, at)
  return [...reason, ...next, ...rest]
}

/** The same in so many lines: the next step stays, however long the reason is. */
export function detailPane(server: ShownServer, at: At, room: number): readonly Line[] {
  const {reason, next, rest} = partsOf(server, at)
  const forReason = Math.min(reason.length, Math.max(1, room - next.length))
  const begin = [...shortened(reason, forReason, at.columns), ...next]
  return shortened([...begin, ...rest], room, at.columns)
}

interface Parts {
  readonly reason: readonly Line[]
  readonly next: readonly Line[]
  readonly rest: readonly Line[]
}

function partsOf(server: ShownServer, at: At): Parts {
  const {next, lastError} = server
  const lines = (text: string, tone: Tone, indent = '') =>
    visible(text)
      .trimEnd()
      .split('\n')
      .flatMap(paragraph => wrapWhole(paragraph, at.columns, indent))
      .map((line): Line => [{text: line, tone}])
  const reason = reasonText(server)
  const isOver = lastError && lastError.message !== server.reason
  return {
    reason: reason === undefined ? [] : lines(reason, 'bad'),
    next: next === undefined ? [] : lines(next, 'plain', '  '),
    rest: [
      ...lines(`${oneLine(server.name)} ${meaningOf(server)}`, reason ? 'plain' : 'strong'),
      ...lines(facts(server, at.now), 'plain'),
      ...(isOver ? lines(`failed ${ago(lastError.at, at.now)}: ${lastError.message}`, 'dim') : []),
      ...server.containers.flatMap(container => lines(containerText(container, at.now), 'dim')),
    ],
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  starting: 'is being started',
  ready: 'runs and is in use',
  idle: 'runs, and nobody has used it for a minute',
  sleeping: 'sleeps: it starts when it is needed',
  'not pulled': 'has no image yet: it is fetched at the first start',
  failed: 'has failed: it is tried again when it is needed',
  blocked: 'is blocked: something must be set first',
  unknown: 'cannot be told about: the engine does not answer',
}

function meaningOf({state, containers, lastUsedAt, restarts}: ShownServer): string {
  // No gateway tells of it: it may be in use or not.
  if (state === 'ready' && restarts === undefined && lastUsedAt === undefined) {
    return containers.length > 0 ? 'runs' : 'is ready'
  }
  return MEANINGS[state] ?? `is ${state}`
}

function facts(server: ShownServer, now: number): string {
  const {
    containers,
    standby,
    others = 0,
    memoryBytes,
    cpuPercent,
    restarts,
    lastUsedAt,
    at,
  } = server
  const serving = containers.length - standby
  return [
    counted(serving, 'container'),
    ...(standby > 0 ? [`${standby} on standby`] : []),
    ...(others > 0 ? [`${others} of other configurations`] : []),
    ...(memoryBytes === undefined ? [] : [`${memory(memoryBytes)} memory`]),
    ...(cpuPercent === undefined ? [] : [`${percent(cpuPercent)} of a core`]),
    ...(restarts === undefined ? [] : [counted(restarts, 'restart')]),
    ...(lastUsedAt === undefined ? [] : [`used ${ago(lastUsedAt, now)}`]),
    ...(at === undefined ? [] : [`last start tried ${ago(at, now)}`]),
  ].join(' · ')
}

function counted(count: number, what: string): string {
  return `${count === 0 ? 'no' : count} ${what}${count === 1 ? '' : 's'}`
}

function containerText(container: ShownServer['containers'][number], now: number): string {
  const {id, name, since, use, memoryBytes, memoryLimitBytes, cpuPercent} = container
  const limit = memoryLimitBytes === undefined ? '' : ` of ${memory(memoryLimitBytes)}`
  return [
    `${oneLine(name)} (${id})`,
    ...(use === 'standby' ? ['standby'] : []),
    age(now - Date.parse(since)),
    ...(memoryBytes === undefined ? [] : [`${memory(memoryBytes)}${limit}`]),
    ...(cpuPercent === undefined ? [] : [percent(cpuPercent)]),
  ].join(' · ')
}
