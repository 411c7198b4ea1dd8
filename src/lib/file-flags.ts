import type {GatewayFile} from './model/gateway-file.ts'

/** The flags that the gateway's own file has a word for. */
interface FileFlags {
  transport?: string | undefined
  host?: string | undefined
  port?: number | undefined
  'tls-cert'?: string | undefined
  'tls-key'?: string | undefined
  'log-level'?: string | undefined
  verbose?: boolean | undefined
  'debug-dns'?: boolean | undefined
  'verify-signatures'?: boolean | undefined
  'call-timeout'?: number | undefined
  'idle-timeout'?: number | undefined
  standby?: string | undefined
  'standby-memory'?: string | undefined
  'max-tools'?: number | undefined
  'token-budget'?: number | undefined
}

/** What oclif tells of parsed flags: their values, and which of these are defaults. */
export interface ParsedFlags<F> {
  readonly flags: F
  readonly metadata: {
    readonly flags?: Readonly<Record<string, {setFromDefault?: boolean} | undefined>>
  }
}

/**
 * Fills in from the gateway's own file what neither the command line nor a variable says.
 * @returns the flags as if all of it had been given on the command line
 */
export function withGatewayFile<F extends {'log-level': string; transport?: string}>(
  {flags, metadata}: ParsedFlags<F>,
  file: GatewayFile,
): F {
  const given = new Set(
    Object.entries(flags).flatMap(([name, value]) =>
      value === undefined || metadata.flags?.[name]?.setFromDefault ? [] : [name],
    ),
  )
  const open = (values: FileFlags) =>
    Object.fromEntries(
      Object.entries(values).filter(([name, value]) => value !== undefined && !given.has(name)),
    )
  const merged = {...flags, ...open(alike(file)), ...open(forHttp(flags, file, given))}
  return merged['log-level'] === 'debug'
    ? {...merged, ...open({verbose: true, 'debug-dns': true})}
    : merged
}

/** Not the profile: whoever reads the servers asks for it, behind a flag and a variable. */
function alike(file: GatewayFile): FileFlags {
  const {logLevel, timeouts, pools, images, limits} = file
  return {
    'log-level': logLevel,
    'verify-signatures': images?.verifySignatures,
    'call-timeout': timeouts?.call,
    'idle-timeout': pools?.idleTimeout,
    'standby-memory': pools?.memory,
    standby: standby(pools),
    'max-tools': limits?.tools,
    'token-budget': limits?.tokens,
  }
}

/** A file that speaks of a port may still be used by a client that starts the gateway itself. */
function forHttp(
  flags: {transport?: string},
  {transport, host, port, tls}: GatewayFile,
  given: ReadonlySet<string>,
): FileFlags {
  const counting = given.has('transport') ? flags.transport : (transport ?? flags.transport)
  if (counting === 'stdio') return {transport}
  // A certificate belongs to its key: half of a pair from somewhere else fits nothing.
  const pair = given.has('tls-cert') || given.has('tls-key') ? undefined : tls
  return {transport, host, port, 'tls-cert': pair?.cert, 'tls-key': pair?.key}
}

/** As `--standby` writes it; what the file leaves out is what the flag has by default, as far as that fits. */
function standby(pools: GatewayFile['pools']): string | undefined {
  if (pools?.min === undefined && pools?.max === undefined) return undefined
  const {min = 0, max = Math.max(1, min)} = pools
  return `${min}:${max}`
}
