import {networkInterfaces} from 'node:os'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {isOwnAddress, whyNotPublic} from '../../../src/lib/net/addresses.ts'
import {addressOf} from '../../../src/lib/model/allow-rule.ts'

const judge = (text: string): string | undefined => whyNotPublic(addressOf(text) ?? '')

const hex = (high: number, low: number): string => ((high << 8) | low).toString(16)

describe('whyNotPublic', () => {
  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['0.255.0.1', 'unspecified'],
    ['10.0.0.5', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['169.254.1.1', 'link-local'],
    ['169.254.169.254', "a cloud's metadata service"],
    ['168.63.129.16', "a cloud's metadata service"],
    ['100.64.0.1', 'shared by the customers of a provider'],
    ['100.100.100.200', 'shared by the customers of a provider'],
    ['100.127.255.255', 'shared by the customers of a provider'],
    ['192.0.0.192', 'reserved'],
    ['198.18.0.1', 'reserved'],
    ['198.19.255.255', 'reserved'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:a00:5', 'private'],
    ['::127.0.0.1', 'reserved'],
    ['fc00::1', 'private'],
    ['fd00:ec2::254', 'private'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'private'],
    ['ff02::1', 'multicast'],
    ['64:ff9b::10.0.0.5', 'private'],
    ['64:ff9b::169.254.169.254', "a cloud's metadata service"],
    ['64:ff9b:1::8.8.8.8', 'reserved'],
    ['2002:7f00:1::', 'loopback'],
    ['2002:a00:5:1:2:3:4:5', 'private'],
    ['2001:0:a00:5::', 'private'],
    ['2001:0:808:808::80ff:fffe', 'loopback'],
    ['2001:2::1', 'reserved'],
    ['2001:10::1', 'reserved'],
    ['100::1', 'reserved'],
    ['4000::1', 'reserved'],
    ['5f00::1', 'reserved'],
  ])('judges %s: %s', (address, why) => {
    expect(judge(address)).toBe(why)
  })

  test.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '192.0.1.1',
    '192.0.2.1',
    '198.17.255.255',
    '198.20.0.1',
    '198.51.100.1',
    '203.0.113.10',
    '223.255.255.255',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
    '2001:0:808:808::f7f7:f7f7',
    '2001:db8::1',
    '2606:4700::1111',
  ])('takes %s as public', address => {
    expect(judge(address)).toBeUndefined()
  })

  test('judges an IPv6 address by the IPv4 address in it', () => {
    fc.assert(
      fc.property(fc.ipV4(), address => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
        const why = whyNotPublic(address)
        expect(judge(`::ffff:${address}`)).toBe(why)
        expect(judge(`64:ff9b::${address}`)).toBe(why)
        expect(judge(`2002:${hex(a, b)}:${hex(c, d)}::1`)).toBe(why)
        const client = `${hex(a ^ 255, b ^ 255)}:${hex(c ^ 255, d ^ 255)}`
        expect(judge(`2001:0:808:808:0:0:${client}`)).toBe(why)
      }),
    )
  })

  test('takes nothing outside of what has been given out as public', () => {
    const first = fc.integer({min: 0, max: 0xff_ff}).filter(group => group >> 13 !== 1)
    fc.assert(
      fc.property(first, fc.ipV6(), (group, address) => {
        const tail = (addressOf(address) ?? '::').split(':').filter(Boolean).slice(-2).join(':')
        expect(typeof judge(`${group.toString(16)}:1::${tail}`)).toBe('string')
      }),
    )
  })
})

describe('isOwnAddress', () => {
  const about = {netmask: '', mac: '', internal: false, cidr: null}
  const interfaces = {
    eth0: [
      {...about, address: '203.0.113.7', family: 'IPv4'},
      {...about, address: '2001:DB8:0:0::7', family: 'IPv6', scopeid: 0},
    ],
    wlan0: [{...about, address: 'fe80::1%wlan0', family: 'IPv6', scopeid: 3}],
    none: undefined,
  } as const

  test.each([
    '203.0.113.7',
    '2001:db8::7',
    'fe80::1',
    '::ffff:203.0.113.7',
    '64:ff9b::203.0.113.7',
    '2002:cb00:7107::1',
  ])('knows %s', address => {
    expect(isOwnAddress(addressOf(address) ?? '', interfaces)).toBe(true)
  })

  test.each(['203.0.113.8', '2001:db8::8', '64:ff9b::203.0.113.8', '::', '0.0.0.0'])(
    'does not know %s',
    address => {
      expect(isOwnAddress(address, interfaces)).toBe(false)
    },
  )

  test('knows every address that this machine has', () => {
    const all = Object.values(networkInterfaces()).flatMap(each => each ?? [])
    const own = all.map(({address}) => isOwnAddress(addressOf(address) ?? '', networkInterfaces()))
    expect(own.length).toBeGreaterThan(0)
    expect(own).not.toContain(false)
  })
})
