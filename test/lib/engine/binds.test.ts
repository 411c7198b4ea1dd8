import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {checkBind} from '../../../src/lib/engine/binds.ts'

const linux = {home: '/home/me', platform: 'linux'} as const
const mac = {home: '/Users/me', platform: 'darwin'} as const
const windows = {home: 'C:\\Users\\me', platform: 'win32'} as const
const root = {home: '/root', platform: 'linux'} as const

describe('checkBind', () => {
  test.each(['/data', 'cache:/data', 'cache:/data:ro', 'a.b_c-1:/data', 'c:/data', 'c:/data:ro'])(
    'leaves the volume %s as it is',
    spec => {
      expect(checkBind(spec, linux)).toEqual({bind: spec})
    },
  )

  test.each([
    ['/srv/data:/data', '/srv/data:/data:ro'],
    ['/srv/data/:/data', '/srv/data:/data:ro'],
    ['/srv/./a/../data:/data', '/srv/data:/data:ro'],
    ['/srv/data:/data:', '/srv/data:/data:ro'],
    ['/srv/data:/data:ro', '/srv/data:/data:ro'],
    ['/srv/data:/data:rw', '/srv/data:/data:rw'],
    ['/srv/data:/data:z', '/srv/data:/data:ro,z'],
    ['/srv/data:/data:rw,Z', '/srv/data:/data:rw,Z'],
    ['/tmp/x:/x', '/tmp/x:/x:ro'],
    ['~/notes:/notes', '/home/me/notes:/notes:ro'],
    ['~/a/../notes:/notes:rw', '/home/me/notes:/notes:rw'],
    ['/home/me/projects/etc:/etc:ro', '/home/me/projects/etc:/etc:ro'],
    ['/etcetera:/data', '/etcetera:/data:ro'],
    ['/home/me/.sshkeys:/data', '/home/me/.sshkeys:/data:ro'],
    ['/home/me2/data:/data', '/home/me2/data:/data:ro'],
    ['/mnt/c/Users/me/notes:/notes', '/mnt/c/Users/me/notes:/notes:ro'],
  ])('makes %s exact: %s', (spec, bind) => {
    expect(checkBind(spec, linux)).toEqual({bind})
  })

  test.each([
    '/:/host',
    '/..:/host',
    '//:/host',
    '/etc:/x',
    '/etc/passwd:/x:ro',
    '/ETC:/x',
    '//etc:/x',
    '/tmp/../etc:/x',
    '/a\\b/../etc:/x',
    '/proc:/x',
    '/proc/1/root:/x',
    '/sys:/x',
    '/dev:/x',
    '/dev/sda:/x',
    '/boot:/x',
    '/root:/x',
    '/root/projects:/x',
    '/var:/x',
    '/var/lib:/x',
    '/var/lib/docker/volumes:/x',
    '/run/user/1000:/x',
    '/var/run/docker.sock:/var/run/docker.sock',
    '/run/docker.sock:/x',
    '/srv/engine/docker.sock:/x',
    '/tmp/podman.sock:/x:ro',
    '/home:/x',
    '/home/me:/x',
    '/home/me/:/x',
    '~:/x',
    '~/:/x',
    '~/../me:/x',
    '/home/me/.ssh:/x',
    '/home/me/.SSH:/x',
    '/home/me/.\u017F\u017Fh:/x',
    '/home/me/.s\u200Csh:/x',
    '~/.ssh/id_ed25519:/x',
    '~/.aws:/x',
    '~/.docker:/x',
    '~/.kube/config:/x',
    '~/.gnupg:/x',
    '~/.netrc:/x',
    '~/work/.npmrc:/x',
    '~/.config:/x',
    '~/.config/gcloud:/x',
    '~/.config/gcloud/credentials.db:/x',
    '/home/other/.aws:/x',
    '/mnt/c/Windows:/x',
    '/mnt/./c/Windows/System32:/x',
    '/mnt/c:/x',
    '/c/Windows:/x',
  ])('refuses %s', spec => {
    expect(checkBind(spec, linux)).toEqual({refused: expect.stringContaining('refused: ')})
  })

  test.each([
    ['', 'is not a mount'],
    ['-v:/x', 'is not a mount'],
    ['/srv/a\0b:/x', 'is not a mount'],
    ['/srv/a\nb:/x', 'is not a mount'],
    ['cache', 'names no folder of the container'],
    ['./data:/x', 'write the whole path'],
    ['../data:/x', 'write the whole path'],
    ['data/sub:/x', 'write the whole path'],
    ['~other/x:/x', 'write the whole path'],
    ['$HOME/x:/x', 'write the whole path'],
    ['cache:data', 'write the whole path'],
    [':/x', 'write the whole path'],
    ['/srv/data:data', 'absolute folder of the container'],
    ['/srv/data:', 'absolute folder of the container'],
    ['/srv/data:/', 'absolute folder of the container'],
    ['/srv/data:/x:ro:rw', 'absolute folder of the container'],
    ['/srv/data:/x:rx', 'mode'],
    ['/srv/data:/x:ro,rw', 'mode'],
    ['/srv/data:/x:rw,shared', 'mode'],
    ['/srv/data:/x:rshared', 'mode'],
  ])('refuses %j and says why', (spec, why) => {
    expect(checkBind(spec, linux)).toEqual({refused: expect.stringContaining(why)})
  })

  test.each([
    ['/root/projects:/x', true],
    ['~/projects:/x', true],
    ['/root:/x', false],
    ['~/.ssh:/x', false],
  ])('lets the administrator share a folder of the own home only (%s)', (spec, allowed) => {
    expect('bind' in checkBind(spec, root)).toBe(allowed)
  })

  test.each([
    ['/Users/me/notes:/x', true],
    ['/Volumes/disk/data:/x', true],
    ['/Users:/x', false],
    ['/users/ME:/x', false],
    ['/private/var/run/x:/x', false],
    ['/Library:/x', false],
    ['~/Library:/x', false],
    ['~/Library/Keychains:/x', false],
    ['~/.docker/run/docker.sock:/x', false],
  ])('knows macOS (%s)', (spec, allowed) => {
    expect('bind' in checkBind(spec, mac)).toBe(allowed)
  })

  test.each([
    ['C:\\data:/x', 'C:\\data:/x:ro'],
    ['c:/data:/x:rw', 'c:/data:/x:rw'],
    ['C:\\Users\\me\\notes:/x', 'C:\\Users\\me\\notes:/x:ro'],
    ['~\\notes:/x', 'C:\\Users\\me\\notes:/x:ro'],
    ['D:\\:/x', undefined],
    ['C:\\:/x', undefined],
    ['C:\\Windows:/x', undefined],
    ['c:/windows/system32:/x', undefined],
    ['C:\\..\\Windows:/x', undefined],
    ['C:\\data\\..\\Windows:/x', undefined],
    ['C:\\Windows. :/x', undefined],
    ['C:\\PROGRA~1:/x', undefined],
    ['C:\\Users:/x', undefined],
    ['C:\\Users\\me:/x', undefined],
    ['C:\\Users\\me\\.ssh:/x', undefined],
    ['C:\\Users\\me\\AppData:/x', undefined],
    ['C:data:/x', undefined],
    ['\\\\?\\C:\\data:/x', '\\\\?\\C:\\data:/x:ro'],
    ['\\\\?\\C:\\Windows:/x', undefined],
    ['\\\\.\\pipe\\docker_engine:/x', undefined],
    ['//./pipe/docker_engine:/x', undefined],
    ['\\\\localhost\\c$\\Windows:/x', undefined],
    ['\\\\?\\UNC\\localhost\\c$\\Windows:/x', undefined],
    ['\\\\nas\\share\\data:/x', '\\\\nas\\share\\data:/x:ro'],
    ['\\\\wsl$\\Ubuntu\\srv\\data:/x', '\\\\wsl$\\Ubuntu\\srv\\data:/x:ro'],
    ['\\\\wsl.localhost\\Ubuntu\\etc:/x', undefined],
    ['\\\\wsl$\\Ubuntu:/x', undefined],
    ['//wsl$/Ubuntu/home/me/.ssh:/x', undefined],
    ['\\\\wsl$\\Ubuntu\\mnt\\c\\Windows:/x', undefined],
    ['/c/Users/me/notes:/x', '/c/Users/me/notes:/x:ro'],
    ['/c/Users/me/.ssh:/x', undefined],
    ['//c/Windows:/x', undefined],
  ])('knows Windows (%s)', (spec, bind) => {
    const verdict = checkBind(spec, windows)
    expect('bind' in verdict ? verdict.bind : undefined).toBe(bind)
  })

  test('never lets a spelling of a refused folder through', () => {
    const places = fc.constantFrom(
      '/etc',
      '/proc',
      '/home/me',
      '/home/me/.ssh',
      '/var/run',
      '/root',
    )
    const detour = fc.constantFrom('', '/.', '//', '/x/..', '/x/y/../..', '/../..')
    fc.assert(
      fc.property(places, detour, fc.nat(5), fc.boolean(), (place, noise, at, capital) => {
        const names = place.split('/').slice(1)
        const index = at % (names.length + 1)
        const isBefore = noise === '/../..' ? 0 : index
        const path = [
          ...names.slice(0, isBefore).map(name => `/${name}`),
          noise,
          ...names.slice(isBefore).map(name => `/${name}`),
        ].join('')
        const spec = `${capital ? path.toUpperCase() : path}:/x`
        expect(checkBind(spec, linux)).toEqual({refused: expect.any(String)})
      }),
    )
  })

  test('takes any text without throwing, and what it makes is accepted again unchanged', () => {
    const unit = fc.constantFrom(...'ac~/\\:.$?ro,'.split(''), 'etc', 'rw', 'wsl$', '..')
    const platforms = fc.constantFrom(linux, mac, windows)
    fc.assert(
      fc.property(fc.string({unit, maxLength: 12}), platforms, (spec, input) => {
        const verdict = checkBind(spec, input)
        const again = 'bind' in verdict ? checkBind(verdict.bind, input) : verdict
        expect(again).toEqual(verdict)
      }),
      {numRuns: 2000},
    )
  })
})
