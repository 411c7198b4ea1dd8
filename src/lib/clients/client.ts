import type {JsonObject} from '../base/json.ts'

export type Platform = 'linux' | 'darwin' | 'win32'

/** What a client is to start. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  /** Variables that the client must hand on, or the command does not work. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** A gateway that runs elsewhere. */
export interface Remote {
  readonly url: string
  /** Goes into the header `Authorization: Bearer …`. */
  readonly token?: string | undefined
}

/** How an entry of ours gets into a file of a client. */
export interface ClientFile {
  readonly format: 'json' | 'yaml' | 'toml'
  /** The keys down to the map, or list, that has one entry a server. */
  readonly container: readonly string[]
  /** What our entry is called there. */
  readonly key: string
  /** The container is a list of maps, each with its name under this key; `entry` leaves that out. */
  readonly list?: {readonly nameKey: string} | undefined
  /** Our entry, where the client starts the gateway. */
  readonly entry: (launch: Launch) => JsonObject
  /** Our entry, where the gateway runs already; undefined when the client has no way to write that. */
  readonly urlEntry?: ((remote: Remote) => JsonObject) | undefined
}

/** A file of the user: it is in the first place of the list that has one, see `locate.ts`. */
export interface UserFile extends ClientFile {
  /**
   * By platform, with `/`, with `$HOME`, `$NAME` and `${NAME:-instead}`. A place with a variable that is not set does
   * not count. A platform that is missing is one that the client does not run on.
   */
  readonly places: Readonly<Partial<Record<Platform, readonly string[]>>>
  /** Where a new file belongs when nothing of any place is there; the first place when not given. */
  readonly fresh?: Readonly<Partial<Record<Platform, string>>> | undefined
}

/** A file in a repository, the same on all platforms. */
export interface ProjectFile extends ClientFile {
  readonly path: string
  /** Other names that the client takes for it: the first that is there counts, where the first one is not. */
  readonly others?: readonly string[] | undefined
}

/** An AI client: everything that is known about it. */
export interface Client {
  /** As docker's own plugin calls it, where it knows it. */
  readonly id: string
  readonly name: string
  readonly aliases?: readonly string[] | undefined
  /** Where the client comes from. */
  readonly source: string
  /** Where its makers say how it is told of servers: of those that are `documented`. */
  readonly page?: string | undefined
  /** A picture, for those who show one; only of clients that docker's own plugin has one for. */
  readonly icon?: string | undefined
  /**
   * How sure places and entry are: `documented` by its makers; `seen`, other programs write there; `uncertain`, what is
   * found about it does not agree. `note` says what.
   */
  readonly certainty: 'documented' | 'seen' | 'uncertain'
  /** What a person should know: a limit, a doubt. */
  readonly note?: string | undefined
  /** Folders and files that only an installed client has, by platform. */
  readonly probes: Readonly<Partial<Record<Platform, readonly string[]>>>
  readonly user?: UserFile | undefined
  readonly project?: ProjectFile | undefined
  /** What a person does where no file of the client may be written; shown with the entry by `--print`. */
  readonly manual?: string | undefined
  /** The entry that is shown, of a client without a file. */
  readonly shown?: Pick<ClientFile, 'container' | 'key' | 'entry' | 'urlEntry'> | undefined
  /** Its programs are `docker.exe` on Windows: it does not look for `docker` as a shell does. */
  readonly namesExe?: boolean | undefined
}
