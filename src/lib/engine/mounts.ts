import {posix} from 'node:path'

/** Where our own programs are, see `reservedPlace`. */
export {PROGRAMS_PATH} from '../model/reserved.ts'

/** Something of the host or of the engine that a server sees as a folder or file; made by `checkMount`. */
export type Mount = BindMount | VolumeMount

export interface BindMount {
  readonly kind: 'bind'
  /** The whole path on the engine's machine. */
  readonly source: string
  readonly target: string
  readonly isReadOnly: boolean
  /** How SELinux is told to let the container in: shared (`z`) or its own (`Z`). */
  readonly label?: 'z' | 'Z'
}

export interface VolumeMount {
  readonly kind: 'volume'
  /** The volume's name; without one it goes with the container. */
  readonly source?: string
  readonly target: string
  readonly isReadOnly: boolean
  /** Whether an empty volume stays empty although the image has files at that place. */
  readonly isNoCopy?: boolean
}

/** One of `HostConfig.Mounts` (Docker Engine API 1.41). */
export interface EngineMount {
  readonly Type: 'bind' | 'volume'
  readonly Source?: string
  readonly Target: string
  readonly ReadOnly: boolean
  readonly VolumeOptions?: {readonly NoCopy: boolean}
}

/** @returns a container's path without dots and needless slashes; undefined for `/` and for what is relative */
export function plainPath(path: string): string | undefined {
  const plain = posix.isAbsolute(path) ? posix.normalize(path).replace(/\/+$/, '') : ''
  return plain === '' ? undefined : plain
}

/**
 * Mounts in the engine's own words. A folder of the host is one of `Mounts`: the engine then refuses a source that is
 * missing, where `Binds` make it, as root's. Only `Binds` know SELinux's labels.
 */
export function engineMounts(mounts: readonly Mount[]): {
  readonly Mounts?: readonly EngineMount[]
  readonly Binds?: readonly string[]
} {
  const binds = mounts.flatMap(mount => labelled(mount) ?? [])
  const others = mounts.filter(mount => labelled(mount) === undefined)
  return {
    ...(others.length > 0 && {Mounts: others.map(engineMount)}),
    ...(binds.length > 0 && {Binds: binds}),
  }
}

function labelled(mount: Mount): string | undefined {
  if (mount.kind !== 'bind' || mount.label === undefined) return undefined
  const mode = mount.isReadOnly ? 'ro' : 'rw'
  return `${mount.source}:${mount.target}:${mode},${mount.label}`
}

function engineMount(mount: Mount): EngineMount {
  return {
    Type: mount.kind,
    ...(mount.source !== undefined && {Source: mount.source}),
    Target: mount.target,
    ReadOnly: mount.isReadOnly,
    ...(mount.kind === 'volume' && mount.isNoCopy && {VolumeOptions: {NoCopy: true}}),
  }
}
