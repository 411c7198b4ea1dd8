import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {reservedPlace} from '../../../src/lib/model/reserved.ts'
import {parseTmpfs} from '../../../src/lib/model/tmpfs.ts'

const OPTION =
  'has an option that is none of size=, mode=, uid=, gid=, rw, exec, noexec, nosuid, nodev'

describe('parseTmpfs', () => {
  test.each([
    ['/tmp', '/tmp', ''],
    ['/tmp/', '/tmp', ''],
    ['//var//cache/./x/', '/var/cache/x', ''],
    ['/tmp:exec', '/tmp', 'exec'],
    [
      '/run:rw,noexec,nosuid,nodev,size=64m,mode=1777',
      '/run',
      'rw,noexec,nosuid,nodev,size=64m,mode=1777',
    ],
    [
      '/home/me:uid=1000,gid=1000680000,size=1048576',
      '/home/me',
      'uid=1000,gid=1000680000,size=1048576',
    ],
    ['/tmp:size=1G,mode=700', '/tmp', 'size=1G,mode=700'],
    ['/run', '/run', ''],
    ['/dev/shm:size=1g', '/dev/shm', 'size=1g'],
    ['/devices', '/devices', ''],
    ['/run/secrets-of-mine', '/run/secrets-of-mine', ''],
    ['/mit Leerzeichen', '/mit Leerzeichen', ''],
  ])('reads %s', (text, path, options) => {
    expect(parseTmpfs(text)).toEqual({path, options})
  })

  test.each([
    ['', 'does not start with an absolute path'],
    ['tmp', 'does not start with an absolute path'],
    ['~/tmp', 'does not start with an absolute path'],
    ['C:\\tmp', 'does not start with an absolute path'],
    [':exec', 'does not start with an absolute path'],
    ['/a\0b', 'does not start with an absolute path'],
    ['/a\nb', 'does not start with an absolute path'],
    ['/a,b', 'does not start with an absolute path'],
    ['/{{x.dir}}', 'does not start with an absolute path'],
    ['/tmp/../etc', 'has ".." in its path'],
    ['/..', 'has ".." in its path'],
    ['/', 'would hide all files of the image'],
    ['///.//', 'would hide all files of the image'],
    ['/:exec', 'would hide all files of the image'],
    ['/.docker-mcp', 'is in /.docker-mcp, which the gateway or the system fills itself'],
    ['/run/./secrets/', 'is in /run/secrets, which the gateway or the system fills itself'],
    ['/run/secrets/mine', 'is in /run/secrets, which the gateway or the system fills itself'],
    ...['/proc', '/sys/fs', '/dev', '/dev/shm/x', '/var/run/secrets/a'].map(
      (path): [string, string] => [
        path,
        `is in ${path.replace(/(\/proc|\/sys|\/dev|secrets).*/, '$1')}, which the gateway or the system fills itself`,
      ],
    ),
    ['/tmp:', OPTION],
    ['/tmp:exec,', OPTION],
    ['/tmp:ro', OPTION],
    ['/tmp:suid', OPTION],
    ['/tmp:dev', OPTION],
    ['/tmp:exec=1', OPTION],
    ['/tmp:nr_inodes=1k', OPTION],
    ['/tmp:constructor=1', OPTION],
    ['/tmp:size=1m:exec', 'has a size that is not one'],
    ['/tmp:size', 'has a size that is not one'],
    ['/tmp:size=', 'has a size that is not one'],
    ['/tmp:size=0', 'has a size that is not one'],
    ['/tmp:size=50%', 'has a size that is not one'],
    ['/tmp:size=64mb', 'has a size that is not one'],
    ['/tmp:mode=0o7', 'has a mode that is not one'],
    ['/tmp:mode=888', 'has a mode that is not one'],
    ['/tmp:uid=root', 'has a uid that is not one'],
    ['/tmp:gid=-1', 'has a gid that is not one'],
    ['/tmp:size=1m,size=2m', 'has size twice'],
    ['/tmp:rw,rw', 'has rw twice'],
    ['/tmp:exec,noexec', 'has both exec and noexec'],
  ])('refuses %j', (text, message) => {
    expect(() => parseTmpfs(text)).toThrow(new RangeError(message))
  })

  test('gives a plain path and the options as they were, whatever was written', () => {
    const option = fc.constantFrom('rw', 'exec', 'nosuid', 'nodev', 'size=8m', 'mode=0755', 'uid=7')
    const step = fc.stringMatching(/^[A-Za-z0-9._-]{1,8}$/).filter(text => !/^\.{1,2}$/.test(text))
    const path = fc
      .array(step, {minLength: 1, maxLength: 5})
      .filter(steps => reservedPlace(`/${steps.join('/')}`) === undefined)
    const slashes = fc.constantFrom('/', '//', '/./')
    fc.assert(
      fc.property(
        path,
        slashes,
        fc.uniqueArray(option, {minLength: 1}),
        (steps, between, options) => {
          const written = `/${steps.join(between)}/:${options.join(',')}`
          const parsed = {path: `/${steps.join('/')}`, options: options.join(',')}
          expect(parseTmpfs(written)).toEqual(parsed)
          expect(parseTmpfs(`${parsed.path}:${parsed.options}`)).toEqual(parsed)
        },
      ),
    )
  })

  test('never gives a path that leaves its place, nor what could be taken for an option', () => {
    const bits = fc.array(
      fc.constantFrom('/', '..', '.', 'a', ':', ',', '{', '\\', '\n', 'run/secrets'),
    )
    fc.assert(
      fc.property(bits, parts => {
        const {path} = mountOf(parts.join('')) ?? {path: '/refused'}
        expect(path).toMatch(/^(?:\/[^/:,\\{\n]+)+$/)
        expect(path.split('/')).not.toContain('..')
        expect(`${path}/`.startsWith('/run/secrets/')).toBe(false)
      }),
    )
  })
})

/** @returns undefined for a text that is refused */
function mountOf(text: string) {
  try {
    return parseTmpfs(text)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
