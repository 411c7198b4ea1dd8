import {type AllowRule, parseAllowRule} from './allow-rule.ts'
import {parseCapability} from './capabilities.ts'
import type {CatalogServer} from './catalog.ts'
import {type HostEntry, parseHostEntry} from './host-entry.ts'
import {parseTmpfs, type TmpfsMount} from './tmpfs.ts'

/** What a server's catalog entry says about whom its container may reach. */
export interface NetworkWish {
  /**
   * `none`: nothing at all; `allow`: what the rules say, which may be nothing; `unsaid`: the
   * entry leaves it to the gateway.
   */
  readonly kind: 'none' | 'allow' | 'unsaid'
  /** Empty unless `kind` is `allow`. */
  readonly rules: readonly AllowRule[]
  /** Names with an address of their own, which is never looked up. */
  readonly extraHosts: readonly HostEntry[]
  /** Containers of the engine that it may talk to, each once; none where `kind` is `none`. */
  readonly connectTo: readonly string[]
}

/** How far a server's container is closed; undefined where its entry leaves it to the gateway. */
export interface SecurityWish {
  readonly profile: 'default' | 'strict' | undefined
  /** Whether the root of its files can be written to. */
  readonly readOnly: boolean | undefined
  /** Capabilities to give back, such as `NET_RAW`, each once. */
  readonly capAdd: readonly string[]
  readonly tmpfs: readonly TmpfsMount[]
}

/**
 * Reads the network keys of an entry: `disableNetwork` wins over `allowHosts`, an empty list of
 * which still counts.
 * @throws RangeError for a rule or a host that is none; an entry that was parsed has neither
 */
export function networkWish(entry: CatalogServer): NetworkWish {
  const extraHosts = (entry.extraHosts ?? []).map(parseHostEntry)
  if (entry.disableNetwork) return {kind: 'none', rules: [], extraHosts, connectTo: []}
  return {
    kind: entry.allowHosts ? 'allow' : 'unsaid',
    rules: (entry.allowHosts ?? []).map(parseAllowRule),
    extraHosts,
    connectTo: [...new Set(entry.connectTo)],
  }
}

/**
 * Reads the keys of an entry that close its container further, or open it.
 * @throws RangeError for a capability or a mount that is none; an entry that was parsed has neither
 */
export function securityWish(entry: CatalogServer): SecurityWish {
  return {
    profile: entry.security,
    readOnly: entry.readOnly,
    capAdd: [...new Set((entry.capAdd ?? []).map(parseCapability))],
    tmpfs: (entry.tmpfs ?? []).map(parseTmpfs),
  }
}
