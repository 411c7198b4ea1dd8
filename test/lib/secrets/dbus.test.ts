import {describe, expect, test} from 'vitest'
import {busSocket} from '../../../src/lib/secrets/dbus.ts'

describe('busSocket', () => {
  test.each([
    ['unix:path=/run/user/1000/bus', '/run/user/1000/bus'],
    ['unix:path=/tmp/dbus-a,guid=0123', '/tmp/dbus-a'],
    ['unix:guid=0123,path=/tmp/dbus-a', '/tmp/dbus-a'],
    ['unix:abstract=/tmp/dbus-a,guid=0123', '\0/tmp/dbus-a'],
    ['unix:path=/tmp/with%20blank%2cand%3bmore', '/tmp/with blank,and;more'],
    ['tcp:host=localhost,port=1;unix:path=/tmp/second', '/tmp/second'],
    ['unix:tmpdir=/tmp', undefined],
    ['unix:path=', undefined],
    ['unix:path=%zz', undefined],
    ['autolaunch:scope=*user', undefined],
    ['', undefined],
  ])('finds in %j the socket %j', (address, socket) => {
    expect(busSocket(address)).toBe(socket)
  })
})
