import type {JsonObject} from '../../base/json.ts'
import type {CacheHint} from './hints.ts'
import type {ServerLink} from './server-link.ts'
import type {Items, Kind} from './pages.ts'

/** Lists by kind; what is missing was never asked for. */
export type ListsByKind = {readonly [K in Kind]?: Items | undefined}

/**
 * Whether the configuration lets a client see and call a tool of a server.
 * @param definition as the server lists it, where it is known: some clients may use only what reads
 */
export type Allows = (tool: string, definition?: JsonObject) => boolean

/** A server of a session, in configured order. */
export interface ListedServer {
  readonly link: ServerLink
  readonly prefix: string | undefined
  readonly allows: Allows
  /** What it listed the last time to a client like this one; shown until it answers in this session. */
  readonly remembered?: ListsByKind | undefined
  /** What it listed to other clients; shown where nothing better is known when patience is over. */
  readonly guesses?: ListsByKind | undefined
  /** What is remembered is good enough: a list does not start the server to confirm it. */
  readonly isTrusted?: boolean | undefined
  /** Nothing is known of it yet: the client was told that it may be able to do anything. */
  readonly isUnknown?: boolean | undefined
  /** Its last start failed: lists hardly wait for it. */
  readonly isDoubtful?: boolean | undefined
  /** As it is configured now it cannot be started: whatever it listed before is gone. */
  readonly isBroken?: boolean | undefined
}

/** What is known of one list of one server. */
export interface ListState {
  readonly kind: Kind
  server: ListedServer
  asked: Promise<void> | undefined
  /** Later askings have greater numbers. */
  turn: number
  /** Whole and unfiltered. */
  items: Items | undefined
  /** Made when it is first needed. */
  byName: ReadonlyMap<unknown, JsonObject> | undefined
  /** The part of the items that clients may see. */
  visible: Items
  /** From an earlier session, not yet confirmed in this one. */
  isRemembered: boolean
  /** It listed the items to other clients. */
  isGuessed: boolean
  /** What the server says about keeping the items; undefined: it tells when they change. */
  hint: CacheHint | undefined
  /** When they came. */
  since: number
  /** Answers to askings up to this number are out of date: the server said that the list has changed since. */
  stale: number
  /** What the last list that went out had of this server. */
  shown: Items | undefined
  waiting: number
}

/** What is known of a list before its server was asked. */
export function newState(server: ListedServer, kind: Kind): ListState {
  const items = server.remembered?.[kind]
  const state: ListState = {
    kind,
    server,
    asked: undefined,
    turn: 0,
    items: undefined,
    byName: undefined,
    visible: [],
    isRemembered: items !== undefined,
    isGuessed: false,
    hint: undefined,
    since: 0,
    stale: -1,
    shown: undefined,
    waiting: 0,
  }
  if (items) setItems(state, items)
  return state
}

/** Takes in what a list is now, as the server has given it to a client like this one. */
export function setItems(state: ListState, items: Items): void {
  const {allows} = state.server
  state.items = items
  state.isGuessed = false
  state.byName = undefined
  state.visible =
    state.kind === 'tools'
      ? items.filter(item => typeof item['name'] === 'string' && allows(item['name'], item))
      : items
}

/** Takes in what the server has just answered. */
export function confirm(state: ListState, items: Items): void {
  // The same list keeps being the same object, and what was made of it stays good.
  if (!isSame(state.items, items)) setItems(state, items)
  state.isRemembered = false
  state.isGuessed = false
}

/** What a list waits for a server whose last start failed. */
export const SHORT_PATIENCE_MS = 1000
/** Some clients wait for a list no longer than 5 s. */
const GUESS_PATIENCE_MS = 3000

/**
 * How long a list waits for a server of which it is not known what it lists to this client.
 * @param patienceMs when nothing else is known of it either
 */
export function patience({server, kind}: ListState, patienceMs: number): number {
  if (server.isDoubtful) return Math.min(patienceMs, SHORT_PATIENCE_MS)
  return server.guesses?.[kind] ? Math.min(patienceMs, GUESS_PATIENCE_MS) : patienceMs
}

/** A client may leave before a slow server has answered: it gets what others were listed, rather than nothing. */
export function guess(state: ListState): void {
  const items = state.server.guesses?.[state.kind]
  if (state.items !== undefined || !items) return
  setItems(state, items)
  state.isRemembered = true
  state.isGuessed = true
}

/** Whether it is not known what the server lists to this client. */
export function isUnanswered({items, isGuessed}: ListState): boolean {
  return items === undefined || isGuessed
}

/** Whether two lists have the same in them. */
export function isSame(a: Items | undefined, b: Items): boolean {
  return a === b || (a?.length === b.length && JSON.stringify(a) === JSON.stringify(b))
}
