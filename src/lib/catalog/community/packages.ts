import type {JsonObject} from '../../base/json.ts'
import {normalizeReference} from '../../images/reference.ts'
import {httpInside} from '../../model/http-inside.ts'
import {programArguments} from './arguments.ts'
import {dockerRunOptions} from './docker-run.ts'
import type {Environment} from './environment.ts'
import type {Inputs} from './inputs.ts'
import {Inexpressible} from './parts.ts'
import type {Argument, Package} from './server-json.ts'
import {fixedValue} from './value.ts'

/** The kinds of packages that can run in a container; of several, the first in this order is taken. */
export const PACKAGE_KINDS = ['oci', 'pypi', 'npm'] as const
export type PackageKind = (typeof PACKAGE_KINDS)[number]

/** Versions of what runs packages, when nobody knows which a package needs. */
const PYTHON = '3.14'
const NODE = '24'

/** What a package is converted with. */
export interface PackageInput {
  readonly server: string
  readonly inputs: Inputs
  readonly environment: Environment
  /** The version of Python or Node that the package needs, such as `3.12` or `22`. */
  readonly runtime?: string | undefined
}

interface Converted {
  readonly entry: JsonObject
  readonly leftOut: readonly string[]
}

/** Whether a package speaks over stdin and stdout: those of before there were transports do. */
export function isStdio({transport}: Package): boolean {
  return (transport?.type ?? 'stdio') === 'stdio'
}

/** Whether it is an image that serves HTTP on its own loopback, at an address that is the same for everybody. */
export function isHttpInside({registryType, transport}: Package): boolean {
  if (registryType !== 'oci' || !/^(?:streamable-http|sse)$/.test(transport?.type ?? ''))
    return false
  try {
    return httpInside(transport?.url ?? '', undefined) !== undefined
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/**
 * What runs a package: its own image, or one that fetches it. The latter keeps what it has fetched on a volume of its
 * own, and its container for as long as a session.
 * @throws Inexpressible
 */
export function convertPackage(kind: PackageKind, given: Package, input: PackageInput): Converted {
  input.environment.declare(given.environmentVariables ?? [])
  if (kind === 'oci') return fromImage(given, input)
  return kind === 'pypi' ? fromPypi(given, input) : fromNpm(given, input)
}

function fromImage(given: Package, {inputs, environment}: PackageInput): Converted {
  const image = imageOf(given)
  const run = dockerRunOptions(given.runtimeArguments ?? [], {image, inputs, environment})
  const command = programArguments(given.packageArguments ?? [], inputs, environment)
  const {url, type} = given.transport ?? {}
  const remote = isHttpInside(given) && url && type ? {remote: {url, transport_type: type}} : {}
  return {
    entry: {image, ...(command.length > 0 && {command: [...command]}), ...run.entry, ...remote},
    leftOut: run.leftOut,
  }
}

/**
 * The reference of an OCI package. The version is in its identifier today; it was beside it, and so was the registry.
 * @throws Inexpressible
 */
function imageOf({identifier, name, version, registryBaseUrl}: Package): string {
  const written = identifier || name || ''
  const host = URL.parse(registryBaseUrl ?? '')?.host ?? 'docker.io'
  const hasHost = /^[^/]*[.:][^/]*\/|^localhost\//.test(written)
  const full = hasHost || host === 'docker.io' ? written : `${host}/${written}`
  const lastPart = full.slice(full.lastIndexOf('/') + 1)
  const hasVersion = /[:@]/.test(lastPart)
  const isDigest = /^sha\d+:/.test(version ?? '')
  const suffix = version && (isDigest ? !full.includes('@') : !hasVersion) ? version : ''
  const image = suffix === '' ? full : `${full}${isDigest ? '@' : ':'}${suffix}`
  if (normalizeReference(image)) return image
  throw new Inexpressible('names an image that is none')
}

function fromPypi(given: Package, input: PackageInput): Converted {
  const name = checked(
    given.identifier || given.name,
    /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?(?:\[[\w.,-]+\])?$/,
  )
  const version = given.version ? checked(given.version, /^[A-Za-z0-9][\w.+!-]*$/) : undefined
  const from = version === undefined ? undefined : `${name}==${version}`
  const index = otherRegistry(given, 'pypi.org')
  const runtime = runtimeArguments(given.runtimeArguments ?? [], input, ['uvx', name, from])
  return {
    entry: {
      image: `ghcr.io/astral-sh/uv:python${input.runtime ?? PYTHON}-bookworm-slim`,
      command: [
        'uvx',
        ...(index === undefined ? [] : ['--index-url', index]),
        ...runtime,
        ...(from === undefined ? [] : ['--from', from]),
        name.replace(/\[.*$/, ''),
        ...programArguments(given.packageArguments ?? [], input.inputs, input.environment),
      ],
      volumes: [`docker-mcp-uv-cache-${input.server}:/root/.cache/uv`],
      longLived: true,
    },
    leftOut: [],
  }
}

function fromNpm(given: Package, input: PackageInput): Converted {
  const name = checked(
    given.identifier || given.name,
    /^(?:@[a-z0-9~][\w.~-]*\/)?[A-Za-z0-9~][\w.~-]*$/,
  )
  const version = given.version ? checked(given.version, /^[A-Za-z0-9][\w.+-]*$/) : undefined
  const what = version === undefined ? name : `${name}@${version}`
  const registry = otherRegistry(given, 'registry.npmjs.org')
  const runtime = runtimeArguments(given.runtimeArguments ?? [], input, ['npx', name, what])
  return {
    entry: {
      image: `node:${input.runtime ?? NODE}-bookworm-slim`,
      command: [
        'npx',
        '--yes',
        ...(registry === undefined ? [] : ['--registry', registry]),
        ...runtime,
        what,
        ...programArguments(given.packageArguments ?? [], input.inputs, input.environment),
      ],
      volumes: [`docker-mcp-npm-cache-${input.server}:/root/.npm`],
      longLived: true,
    },
    leftOut: [],
  }
}

/** Arguments of npx and uvx, without what is written already. */
function runtimeArguments(
  given: readonly Argument[],
  {inputs, environment}: PackageInput,
  written: readonly (string | undefined)[],
): readonly string[] {
  const known = new Set<string | undefined>([...written, '-y', '--yes'])
  const others = given.filter(argument => {
    const [only, ...rest] = fixedValue(argument, inputs) ?? []
    const text = only?.kind === 'text' && rest.length === 0 ? only.text : undefined
    return !known.has(
      argument.type === 'named' && text === undefined ? (argument.name ?? '') : text,
    )
  })
  return programArguments(others, inputs, environment)
}

/** Names and versions become arguments: what does not look like one could be an option. */
function checked(text: string | null | undefined, pattern: RegExp): string {
  if (text && text.length <= 214 && pattern.test(text)) return text
  throw new Inexpressible('names a package that is none')
}

/**
 * @returns undefined for the usual one
 * @throws Inexpressible
 */
function otherRegistry({registryBaseUrl}: Package, usual: string): string | undefined {
  if (!registryBaseUrl) return undefined
  const url = URL.parse(registryBaseUrl)
  if (url?.protocol !== 'https:' || url.username !== '' || /[{}$]/.test(registryBaseUrl)) {
    throw new Inexpressible('names a registry of packages that has no https address')
  }
  return url.host === usual || url.host === `www.${usual}` ? undefined : url.href
}
