import type {JsonObject} from '../../base/json.ts'
import type {CacheHint} from './hints.ts'
import type {ServerLink} from './link.ts'
import type {Items, Kind} from './pages.ts'

/** Lists by kind; what is missing was never asked for. */
export type ListsByKind = {readonly [K in Kind]?: Items | undefined}

/** A server of a session, in configured order. */
export interface ListedServer {
  readonly link: ServerLink
  readonly prefix: string | undefined
  /** Whether the configuration lets a client see and call this tool. */
  readonly allows: (tool: string) => boolean
  /** What it listed the last time to a client like this one; shown until it answers in this session. */
  readonly remembered?: ListsByKind | undefined
  /** Nothing is known of it yet: the client was told that it may be able to do anything. */
  readonly isUnknown?: boolean | undefined
  /** Its last start failed: lists hardly wait for it. */
  readonly isDoubtful?: boolean | undefined
}

/** What is known of one list of one server. */
export interface ListState {
  readonly kind: Kind
  readonly server: ListedServer
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
    hint: undefined,
    since: 0,
    stale: -1,
    shown: undefined,
    waiting: 0,
  }
  if (items) setItems(state, items)
  return state
}

/** Takes in what a list is now. */
export function setItems(state: ListState, items: Items): void {
  const {allows} = state.server
  state.items = items
  state.byName = undefined
  state.visible =
    state.kind === 'tools'
      ? items.filter(({name}) => typeof name === 'string' && allows(name))
      : items
}

/** Whether two lists have the same in them. */
export function isSame(a: Items | undefined, b: Items): boolean {
  return a === b || (a?.length === b.length && JSON.stringify(a) === JSON.stringify(b))
}
