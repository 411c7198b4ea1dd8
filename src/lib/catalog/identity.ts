import {PluginError} from '../base/errors.ts'
import {isWindowsDevice} from '../base/windows-device.ts'
import {normalizeReference, type ImageReference} from '../images/reference.ts'

/** The name of the embedded catalog, and of docker's own. */
export const DEFAULT_CATALOG = 'docker-mcp'

/** Names become files; a first dot would hide them, and two of them lead elsewhere. */
const PLAIN_NAME = /^[\p{L}\p{N}_][\p{L}\p{N} ._-]{0,127}$/u

/** As long as the name of a repository may be in a registry. */
const LONGEST_NAME = 255
const LONGEST_SHOWN = 60

/**
 * What a catalog is called that a person names: a plain name as it is; an OCI reference as docker's own plugin writes it,
 * without the registry and the `library/` of Docker Hub, with its tag.
 * @returns for example `mine`, `org/team:latest`, `registry.example.com/org/team:2`
 * @throws PluginError USAGE for what is neither, for one that leads to another folder or can be no file, and for a digest
 */
export function catalogName(written: string): string {
  if (written.length > LONGEST_NAME || isWindowsDevice(written)) throw noName(written)
  if (PLAIN_NAME.test(written)) return written
  const reference = normalizeReference(written)
  if (!reference) throw noName(written)
  if (reference.digest !== undefined) {
    throw new PluginError('USAGE', 'reference must be a valid OCI reference without a digest', {
      hint: 'name it with its tag: org/team:latest',
    })
  }
  return nameOf(reference)
}

function nameOf({registry, repository, tag = 'latest'}: ImageReference): string {
  const path =
    registry === 'docker.io' ? repository.replace(/^library\//, '') : `${registry}/${repository}`
  return `${path}:${tag}`
}

function noName(written: string): PluginError {
  const isLong = written.length > LONGEST_SHOWN
  const shown = isLong ? `${written.slice(0, LONGEST_SHOWN)}…` : written
  return new PluginError('USAGE', `${JSON.stringify(shown)} is not the name of a catalog`, {
    hint: `a catalog has a plain name such as mine, or an OCI reference such as org/team:latest; at most ${LONGEST_NAME} characters, and none of Windows’ devices (con, nul, …)`,
  })
}

/** Whether a catalog's name is an OCI reference. */
export function isReference(name: string): boolean {
  return !PLAIN_NAME.test(name)
}

/**
 * Finds the catalog that a person means: `mine` is also `mine:latest`, and `docker.io/org/team` is `org/team:latest`.
 * @param known names as they are kept
 */
export function findName(written: string, known: readonly string[]): string | undefined {
  if (known.includes(written)) return written
  const reference = normalizeReference(written)
  if (!reference || reference.digest !== undefined) return undefined
  const name = nameOf(reference)
  return known.find(each => each === name || `${each}:latest` === name)
}
