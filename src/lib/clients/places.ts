type Three = Readonly<Record<'linux' | 'darwin' | 'win32', readonly string[]>>

// Where programs keep what is set, in the words of `expand.ts`.
export const CONFIG = '${XDG_CONFIG_HOME:-$HOME/.config}'
export const ROAMING = '${APPDATA:-$HOME/AppData/Roaming}'
export const LOCAL = '${LOCALAPPDATA:-$HOME/AppData/Local}'
export const SUPPORT = '$HOME/Library/Application Support'

/** The same places on all platforms. */
export function everywhere(...places: readonly string[]): Three {
  return {linux: places, darwin: places, win32: places}
}

/** Places below the folder where programs made with Electron keep what is set. */
export function below(...paths: readonly string[]): Three {
  return {
    linux: paths.map(path => `${CONFIG}/${path}`),
    darwin: paths.map(path => `${SUPPORT}/${path}`),
    win32: paths.map(path => `${ROAMING}/${path}`),
  }
}

/** A program of macOS, for everybody or for this user. */
export function application(name: string): Three {
  return {
    linux: [],
    darwin: [`/Applications/${name}.app`, `$HOME/Applications/${name}.app`],
    win32: [],
  }
}

/** The places of several, one after the other. */
export function oneOf(...all: readonly Partial<Three>[]): Three {
  return {
    linux: all.flatMap(({linux = []}) => linux),
    darwin: all.flatMap(({darwin = []}) => darwin),
    win32: all.flatMap(({win32 = []}) => win32),
  }
}
