/** What a person has chosen on the screen. */
export interface WatchState {
  /** The server whose details are shown; undefined: the first. */
  readonly selected: string | undefined
  /** Whether its details fill the screen. */
  readonly isOpen: boolean
  /** How many lines of them are above the screen. */
  readonly scrolled: number
}

/** What keys mean here. */
export type WatchKey =
  | 'up'
  | 'down'
  | 'pageUp'
  | 'pageDown'
  | 'first'
  | 'last'
  | 'open'
  | 'back'
  | 'quit'

/** What there is to move in. */
export interface WatchExtent {
  readonly names: readonly string[]
  /** How many lines a page has. */
  readonly page: number
  /** How many lines the details may be scrolled by. */
  readonly mostScrolled: number
}

export const FIRST_STATE: WatchState = {selected: undefined, isOpen: false, scrolled: 0}

/**
 * What a key does.
 * @returns undefined when it ends the screen
 */
export function afterKey(
  state: WatchState,
  key: WatchKey,
  extent: WatchExtent,
): WatchState | undefined {
  if (key === 'quit') return undefined
  if (key === 'open')
    return {...state, isOpen: !state.isOpen && extent.names.length > 0, scrolled: 0}
  if (key === 'back') return state.isOpen ? {...state, isOpen: false, scrolled: 0} : undefined
  if (state.isOpen) {
    const from = Math.min(state.scrolled, extent.mostScrolled)
    return {...state, scrolled: moved(from, key, extent.page, extent.mostScrolled)}
  }
  const {names, page} = extent
  const index = moved(selectedIndex(state, names), key, page, names.length - 1)
  return {...state, selected: names[index]}
}

/** Where the selected server is; the first when it has gone. */
export function selectedIndex({selected}: WatchState, names: readonly string[]): number {
  return Math.max(0, selected === undefined ? 0 : names.indexOf(selected))
}

function moved(from: number, key: WatchKey, page: number, most: number): number {
  const step = Math.max(1, page - 1)
  const to = {
    up: from - 1,
    down: from + 1,
    pageUp: from - step,
    pageDown: from + step,
    first: 0,
    last: most,
    open: from,
    back: from,
    quit: from,
  }[key]
  return Math.max(0, Math.min(to, most))
}

/** The first row that is shown, so that the selected one is near the middle. */
export function firstRow(index: number, shown: number, count: number): number {
  return Math.max(0, Math.min(index - Math.floor(shown / 2), count - shown))
}
