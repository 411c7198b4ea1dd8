import {fitColumns, headCells, rowCells, type Layout} from './columns.ts'
import {dim, filled, fitted, plain, shortened, type Line, type Span, type Tone} from './lines.ts'
import {oneLine, STATUS_COLUMNS, statusCells, type ShownServer} from './status-cells.ts'
import {detailLines, detailPane} from './status-detail.ts'
import {firstRow, selectedIndex, type WatchExtent, type WatchState} from './watch-state.ts'
import {wrapWhole} from './wrap.ts'

/** What is shown, until the next look. */
export interface Shown {
  /** Undefined until the first look is over. */
  readonly servers: readonly ShownServer[] | undefined
  /** How many gateways tell of them. */
  readonly gateways: number
  /** What keeps something from being seen, a text each. */
  readonly warnings: readonly string[]
  /** Milliseconds since 1970. */
  readonly lookedAt: number
}

/** Everything that the screen is made of. */
export interface WatchView extends Shown {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly state: WatchState
  readonly columns: number
  readonly rows: number
  /** Whether keys reach us. */
  readonly hasKeys: boolean
}

/** The screen as lines, as many as it has and none too long, and where keys can move in it. */
export interface Frame {
  readonly lines: readonly Line[]
  readonly extent: WatchExtent
}

/** Draws the list with the details of one server below it, or these alone. */
export function statusFrame(view: WatchView): Frame {
  const {servers = [], columns, rows} = view
  const selected = servers[selectedIndex(view.state, namesOf(servers))]
  const {lines, extent} =
    view.state.isOpen && selected ? openScreen(view, selected) : listScreen(view, selected)
  return {lines: lines.slice(0, rows).map(line => fitted(line, columns)), extent}
}

/** What a screen has besides what it is about: the title and the footer. */
const FRAME_LINES = 2

function openScreen(view: WatchView, selected: ShownServer): Frame {
  const {rows, state, servers = []} = view
  const all: readonly Line[] = [...detailLines(selected, view), ...warningLines(view)]
  const page = Math.max(1, rows - FRAME_LINES)
  const mostScrolled = Math.max(0, all.length - page)
  const from = Math.min(state.scrolled, mostScrolled)
  const shown = all.slice(from, from + page)
  const place = mostScrolled > 0 ? `${from + 1}-${from + shown.length} of ${all.length} lines` : ''
  const footer = footerLine(view, OPEN_KEYS, place)
  return {
    lines: [title(view), ...filled(shown, page), footer],
    extent: {names: namesOf(servers), page, mostScrolled},
  }
}

function listScreen(view: WatchView, selected: ShownServer | undefined): Frame {
  const {servers = [], columns, rows, state} = view
  const warnings = warningLines(view)
  const shares = share(rows - FRAME_LINES, servers.length, warnings.length)
  const top = firstRow(selectedIndex(state, namesOf(servers)), shares.list, servers.length)
  const shown = servers.slice(top, top + shares.list)
  const isAll = shown.length === servers.length
  const place = isAll ? gatewaysText(view) : `${top + 1}-${top + shown.length} of ${servers.length}`
  const middle = [
    ...shortened(warnings, shares.warnings, columns),
    ...filled([], shares.space),
    ...(selected ? listLines(view, shown, selected) : emptyLines(view)),
    ...(shares.rule === 1 && selected ? [[dim('─'.repeat(columns))]] : []),
    ...(selected ? detailPane(selected, view, shares.detail) : []),
  ]
  const footer = footerLine(view, selected ? LIST_KEYS : NO_LIST_KEYS, place)
  return {
    lines: [title(view), ...filled(middle, rows - FRAME_LINES), footer],
    extent: {names: namesOf(servers), page: shares.list, mostScrolled: 0},
  }
}

/** How the lines between title and footer are shared out. */
interface Shares {
  readonly warnings: number
  readonly space: number
  readonly list: number
  readonly rule: number
  readonly detail: number
}

/**
 * The list gets what it needs, but leaves the details a third: always the same, so that nothing jumps when another
 * server is selected.
 */
function share(lines: number, servers: number, wantedWarnings: number): Shares {
  const isTall = lines >= 14
  const warnings = Math.min(wantedWarnings, isTall ? 3 : 1)
  const [space, heads, rule] = [isTall ? 1 : 0, 1, lines >= 10 ? 1 : 0]
  const free = Math.max(0, lines - warnings - space - heads - rule)
  const list = Math.min(servers, free - Math.floor(free / 3))
  return {warnings, space, list, rule, detail: free - list}
}

/** So old may be what is shown before we say so. */
const STALE_MS = 6000

function title({servers = [], lookedAt, now, columns}: WatchView): Line {
  const name = 'docker mcp server status'
  const isStale = lookedAt > 0 && now - lookedAt > STALE_MS
  const counts = Object.keys(STATE_TONES)
    .map(state => ({state, count: servers.filter(server => server.state === state).length}))
    .flatMap(({state, count}) => (count === 0 ? [] : [`${count} ${state}`]))
    .join(', ')
  const text = isStale ? `no news for ${Math.round((now - lookedAt) / 1000)}s` : counts
  const right: Span = {text, tone: isStale ? 'bad' : 'plain'}
  const room = columns - name.length - text.length
  if (room < 2) return [right]
  return [{text: name, tone: 'strong'}, plain(' '.repeat(room)), right]
}

function warningLines({warnings, columns}: WatchView): readonly Line[] {
  return warnings
    .flatMap(text => wrapWhole(`! ${oneLine(text)}`, columns, ''))
    .map(text => [{text, tone: 'bad'}])
}

function emptyLines({servers, gateways}: WatchView): readonly Line[] {
  if (!servers) return [[dim('Looking …')]]
  return [
    [plain('No server is enabled.')],
    [dim('  find one:       docker mcp server search')],
    [dim('  switch it on:   docker mcp server enable <name>')],
    ...(gateways > 0 ? [[dim('  what runs:      docker mcp gateway ps')]] : []),
  ]
}

/** In front of each row, where the selected one is marked. */
const MARK = '> '
const NO_MARK = '  '
/** Longer ones are cut, the details have them whole. */
const SHORTEST_NAMES = 20
const STATE_COLUMN = STATUS_COLUMNS.findIndex(({head}) => head === 'STATE')
/** In the order in which the title counts them: what a person should act on first, for it may be cut. */
const STATE_TONES: Readonly<Record<string, Tone>> = {
  failed: 'bad',
  blocked: 'bad',
  unknown: 'dim',
  starting: 'busy',
  ready: 'good',
  idle: 'good',
  sleeping: 'dim',
  'not pulled': 'busy',
}

function listLines(
  {servers = [], now, columns}: WatchView,
  shown: readonly ShownServer[],
  selected: ShownServer,
): readonly Line[] {
  // As wide as all of them need: columns that move while one scrolls are hard to read.
  const cells = servers.map(server => statusCells(server, now))
  const layout = fitColumns(STATUS_COLUMNS, cells, {
    width: columns - MARK.length,
    first: SHORTEST_NAMES,
  })
  const rows = shown.map((server): Line => {
    const tone = server === selected ? 'strong' : 'plain'
    const tones = layout.shown.map(({index}) =>
      index === STATE_COLUMN ? (STATE_TONES[server.state] ?? 'plain') : tone,
    )
    const mark = plain(server === selected ? MARK : NO_MARK)
    return [mark, ...spaced(layout, rowCells(layout, statusCells(server, now)), tones)]
  })
  return [[plain(NO_MARK), ...spaced(layout, headCells(layout), [])], ...rows]
}

/** @param tones of the cells; dim where none is given */
function spaced({gap}: Layout, cells: readonly string[], tones: readonly Tone[]): Line {
  return cells.flatMap((text, index) => [
    ...(index > 0 ? [plain(' '.repeat(gap))] : []),
    {text, tone: tones[index] ?? 'dim'},
  ])
}

function gatewaysText({servers, gateways}: WatchView): string {
  if (!servers) return ''
  if (gateways === 0) return 'no gateway runs'
  return `${gateways} gateway${gateways === 1 ? '' : 's'}`
}

/** What keys do, in fewer and fewer words. */
const LIST_KEYS = ['↑↓ select · enter details · q quit', '↑↓ · enter · q quit', 'q quit']
const OPEN_KEYS = ['↑↓ scroll · esc back · q quit', '↑↓ · esc · q quit', 'q quit']
const NO_LIST_KEYS = ['q quit']
const NO_KEYS = ['ctrl-c quit']

function footerLine({columns, hasKeys}: WatchView, keys: readonly string[], place: string): Line {
  const words = hasKeys ? keys : NO_KEYS
  const text = words.find(one => one.length + 2 + place.length <= columns)
  // Keys can be guessed; where one is cannot.
  if (text === undefined) return [dim(place === '' ? 'q quit' : place)]
  return [dim(`${text}${' '.repeat(columns - text.length - place.length)}${place}`)]
}

function namesOf(servers: readonly ShownServer[]): readonly string[] {
  return servers.map(({name}) => name)
}
