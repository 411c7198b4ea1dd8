import {BlockList, isIPv4} from 'node:net'
import type {NetworkInterfaceInfo} from 'node:os'
import {addressOf} from '../model/allow-rule.ts'

/** What is not on the public internet, from the IANA registries of special purpose addresses (RFC 6890). */
const SPECIAL_V4: Readonly<Record<string, readonly string[]>> = {
  // The second one is Azure's, a public address that only the machine itself reaches.
  "a cloud's metadata service": ['169.254.169.254/32', '168.63.129.16/32'],
  unspecified: ['0.0.0.0/8'],
  loopback: ['127.0.0.0/8'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  'link-local': ['169.254.0.0/16'],
  'shared by the customers of a provider': ['100.64.0.0/10'],
  reserved: ['192.0.0.0/24', '192.88.99.0/24', '198.18.0.0/15', '240.0.0.0/4'],
  multicast: ['224.0.0.0/4'],
}
const SPECIAL_V6: Readonly<Record<string, readonly string[]>> = {
  unspecified: ['::/128'],
  loopback: ['::1/128'],
  private: ['fc00::/7', 'fec0::/10'],
  'link-local': ['fe80::/10'],
  multicast: ['ff00::/8'],
  reserved: ['2001:2::/48', '2001:10::/28'],
}
/** All that has been given out; the rest of IPv6 is reserved (RFC 4291, 2.4). */
const GLOBAL_V6 = listOf(['2000::/3'], 'ipv6')

const V4 = listsOf(SPECIAL_V4, 'ipv4')
const V6 = listsOf(SPECIAL_V6, 'ipv6')

/**
 * Says what an address is when it does not belong to the public internet: "private", "loopback", … An IPv6 address that
 * stands for an IPv4 address is judged by that one. Documentation addresses (192.0.2.0/24 and the like) belong to nobody
 * and count as public.
 * @param address as `addressOf` writes it
 * @returns undefined for a public address
 */
export function whyNotPublic(address: string): string | undefined {
  if (isIPv4(address)) return kindIn(V4, address, 'ipv4')
  for (const inner of addressesIn(address)) {
    const why = kindIn(V4, inner, 'ipv4')
    if (why !== undefined) return why
  }
  const kind = kindIn(V6, address, 'ipv6')
  if (kind !== undefined) return kind
  return GLOBAL_V6.check(address, 'ipv6') || isNat64(groupsOf(address)) ? undefined : 'reserved'
}

/** Network interfaces, as `networkInterfaces` of node:os gives them. */
type Interfaces = Readonly<Partial<Record<string, readonly NetworkInterfaceInfo[]>>>

/**
 * Whether packets to an address end up at this machine, which may have public addresses, too.
 * @param address as `addressOf` writes it
 * @param interfaces those of this machine
 */
export function isOwnAddress(address: string, interfaces: Interfaces): boolean {
  const own = new Set(Object.values(interfaces).flatMap(each => each?.map(ownAddress) ?? []))
  return [address, ...(isIPv4(address) ? [] : addressesIn(address))].some(each => own.has(each))
}

function ownAddress({address}: NetworkInterfaceInfo): string | undefined {
  return addressOf(address.replace(/%.*$/, ''))
}

/** The IPv4 addresses that packets to an IPv6 address end up at. One that is only mapped is IPv4 here already. */
function addressesIn(address: string): readonly string[] {
  const groups = groupsOf(address)
  const [first = 0, second = 0, third = 0, fourth = 0] = groups
  const [high = 0, low = 0] = groups.slice(6)
  // RFC 6052, RFC 3056, and RFC 4380: the server, and the client with its bits turned around.
  if (isNat64(groups)) return [dotted(high, low)]
  if (first === 0x2002) return [dotted(second, third)]
  if (first === 0x2001 && second === 0) {
    return [dotted(third, fourth), dotted(high ^ 0xffff, low ^ 0xffff)]
  }
  return []
}

function isNat64(groups: readonly number[]): boolean {
  return groups.slice(0, 6).join() === [0x64, 0xff9b, 0, 0, 0, 0].join()
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const [left = [], right = []] = address
    .split('::')
    .map(half => (half === '' ? [] : half.split(':').map(group => parseInt(group, 16))))
  const zeros = Array.from({length: 8 - left.length - right.length}, () => 0)
  return [...left, ...zeros, ...right]
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

type Family = 'ipv4' | 'ipv6'
type Lists = ReadonlyMap<string, BlockList>

function kindIn(lists: Lists, address: string, family: Family): string | undefined {
  for (const [kind, list] of lists) if (list.check(address, family)) return kind
  return undefined
}

function listsOf(table: Readonly<Record<string, readonly string[]>>, family: Family): Lists {
  return new Map(Object.entries(table).map(([kind, ranges]) => [kind, listOf(ranges, family)]))
}

function listOf(ranges: readonly string[], family: Family): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [net = '', bits] = range.split('/')
    list.addSubnet(net, Number(bits), family)
  }
  return list
}
