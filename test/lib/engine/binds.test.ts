import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {checkMount, type MountInput} from '../../../src/lib/engine/binds.ts'
import {engineMounts} from '../../../src/lib/engine/mounts.ts'

const linux: MountInput = {home: '/home/me', platform: 'linux', allowMounts: [], sockets: []}
const mac: MountInput = {home: '/Users/me', platform: 'darwin', allowMounts: [], sockets: []}
const windows: MountInput = {home: 'C:\\Users\\me', platform: 'win32', allowMounts: [], sockets: []}
const root: MountInput = {home: '/root', platform: 'linux', allowMounts: [], sockets: []}

/** The mount as `source:target:mode`, a volume's with its kind in front, or why there is none. */
const verdictOf = (spec: string, input: MountInput): string => {
  const verdict = checkMount(spec, input)
  if (verdict.kind !== 'allowed') return `${verdict.kind}: ${verdict.why}`
  const {mount} = verdict
  const mode = mount.isReadOnly ? 'ro' : 'rw'
  if (mount.kind === 'bind') {
    return [mount.source, mount.target, mode, ...(mount.label ? [mount.label] : [])].join(':')
  }
  const parts = ['volume', mount.source, mount.target, mode, mount.isNoCopy && 'nocopy']
  return parts.filter(Boolean).join(' ')
}

describe('checkMount', () => {
  test.each([
    ['/tmp/x/d:/d', '"/tmp/x/d"'],
    ['/tmp/x:/d:ro', '"/tmp/x/d"'],
    ['/tmp/y/../x:/d', '"/tmp/x/d"'],
    ['/tmp:/d', '"/tmp/x/d"'],
    ['/srv/agent:/d', '"/srv/agent/7"'],
  ])('refuses %s, which is or holds the socket %s', (spec, socket) => {
    expect(checkMount(spec, {...linux, sockets: ['/tmp/x/d', '/srv/agent/7']})).toMatchObject({
      kind: 'dangerous',
      why: expect.stringContaining(`the socket ${socket}`),
    })
    expect(checkMount(spec, linux).kind).toBe('allowed')
  })

  test.each(['/tmp/x/d2:/d', '/tmp/xy:/d', '/tmp/x/d/e:/d'])(
    'allows %s, which is only beside a socket',
    spec => {
      expect(checkMount(spec, {...linux, sockets: ['/tmp/x/d', '/srv/agent/7']}).kind).toBe(
        'allowed',
      )
    },
  )

  test.each([
    ['/data', 'volume /data rw'],
    ['//data/', 'volume /data rw'],
    ['cache:/data', 'volume cache /data rw'],
    ['cache:/data/../x/', 'volume cache /x rw'],
    ['cache:/data:ro', 'volume cache /data ro'],
    ['cache:/data:rw', 'volume cache /data rw'],
    ['cache:/data:z', 'volume cache /data rw'],
    ['cache:/data:ro,nocopy', 'volume cache /data ro nocopy'],
    ['a.b_c-1:/data', 'volume a.b_c-1 /data rw'],
    ['c:/data', 'volume c /data rw'],
    ['c:/data:ro', 'volume c /data ro'],
    ['docker-mcp-memory:/data', 'volume docker-mcp-memory /data rw'],
  ])('reads the volume %s', (spec, expected) => {
    expect(verdictOf(spec, linux)).toBe(expected)
  })

  test.each([
    ['/srv/data:/data', '/srv/data:/data:ro'],
    ['/srv/data/:/data', '/srv/data:/data:ro'],
    ['/srv/./a/../data:/data', '/srv/data:/data:ro'],
    ['/srv/data:/data/', '/srv/data:/data:ro'],
    ['/srv/data://data', '/srv/data:/data:ro'],
    ['/srv/data:/x/../data', '/srv/data:/data:ro'],
    ['/srv/data:/data:', '/srv/data:/data:ro'],
    ['/srv/data:/data:ro', '/srv/data:/data:ro'],
    ['/srv/data:/data:rw', '/srv/data:/data:rw'],
    ['/srv/data:/data:cached', '/srv/data:/data:ro'],
    ['/srv/data:/data:z', '/srv/data:/data:ro:z'],
    ['/srv/data:/data:rw,Z', '/srv/data:/data:rw:Z'],
    ['/tmp/x:/x', '/tmp/x:/x:ro'],
    ['~/notes:/notes', '/home/me/notes:/notes:ro'],
    ['~/a/../notes:/notes:rw', '/home/me/notes:/notes:rw'],
    ['/home/me/my notes/ä:/notes', '/home/me/my notes/ä:/notes:ro'],
    ['/home/me/projects/etc:/etc:ro', '/home/me/projects/etc:/etc:ro'],
    ['/etcetera:/data', '/etcetera:/data:ro'],
    ['/home/me/.sshkeys:/data', '/home/me/.sshkeys:/data:ro'],
    ['/home/me2/data:/data', '/home/me2/data:/data:ro'],
    ['/mnt/c/Users/me/notes:/notes', '/mnt/c/Users/me/notes:/notes:ro'],
    ['/mnt/disk/data:/data:rw', '/mnt/disk/data:/data:rw'],
    ['/host_mnt/c/data:/data', '/host_mnt/c/data:/data:ro'],
    ['/host_mnt/Users/me/notes:/data', '/host_mnt/Users/me/notes:/data:ro'],
    ['/home/shared:/data', '/home/shared:/data:ro'],
    ['/usr/share/fonts:/fonts', '/usr/share/fonts:/fonts:ro'],
    ['/srv/data:/run/other', '/srv/data:/run/other:ro'],
    ['/srv/data:/.docker-mcp2', '/srv/data:/.docker-mcp2:ro'],
    ['/srv/data:/devices', '/srv/data:/devices:ro'],
  ])('makes %s exact: %s', (spec, bind) => {
    expect(verdictOf(spec, linux)).toBe(bind)
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
    '/run/user/1000/docker.sock:/x',
    '/run/user/1000/podman/podman.sock:/x',
    '/run/containerd/containerd.sock:/x',
    '/var/run/docker.sock:/var/run/docker.sock',
    '/run/docker.sock:/x',
    '/srv/engine/docker.sock:/x',
    '/srv/engine/docker.SOCKET:/x',
    '/tmp/podman.sock:/x:ro',
    '~/.local/share/containers:/x',
    '~/.local/share/containers/podman/machine:/x',
    '~/.colima/default/docker.sock:/x',
    '/home:/x',
    '/home/me:/x',
    '/home/me/:/x',
    '/home/other:/x',
    '~:/x',
    '~/:/x',
    '~/../me:/x',
    '~/../..:/x',
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
    '~/.cargo:/x',
    '~/.m2/settings.xml:/x',
    '~/work/.npmrc:/x',
    '~/.config:/x',
    '~/.config/gcloud:/x',
    '~/.config/gcloud/credentials.db:/x',
    '/home/other/.aws:/x',
    '/home/other/.config:/x',
    '/mnt:/x',
    '/mnt/wsl/docker-desktop:/x',
    '/mnt/c:/x',
    '/mnt/c/Windows:/x',
    '/mnt/./c/Windows/System32:/x',
    '/mnt/c/Users:/x',
    '/mnt/c/Users/me:/x',
    '/mnt/c/Users/me/AppData:/x',
    '/mnt/c/Users/me/.ssh:/x',
    '/c/Windows:/x',
    '/host_mnt:/x',
    '/host_mnt/c:/x',
    '/host_mnt/etc:/x',
    '/host_mnt/Users/me:/x',
    '/usr/bin:/x:rw',
    '/lib:/x:rw',
  ])('refuses %s', spec => {
    expect(verdictOf(spec, linux)).toMatch(/^dangerous: the mount .* is refused: \S/)
  })

  test.each([
    ['', 'is not a mount'],
    ['-v:/x', 'is not a mount'],
    ['/srv/a\0b:/x', 'is not a mount'],
    ['/srv/a\nb:/x', 'is not a mount'],
    ['cache', 'names no folder of the container'],
    ['./data:/x', 'write the whole path'],
    ['../data:/x', 'write the whole path'],
    ['.:/x', 'write the whole path'],
    ['data/sub:/x', 'the folder that the gateway runs in is chosen by the client'],
    ['~other/x:/x', 'write the whole path'],
    ['~other:/x', 'write the whole path'],
    ['$HOME/x:/x', 'write the whole path'],
    ['%USERPROFILE%/x:/x', 'write the whole path'],
    ['\\data:/x', 'write the whole path'],
    ['C:data/x:/x', 'write the whole path'],
    ['cache:data', 'write the whole path'],
    [':/x', 'write the whole path'],
    ['/', 'absolute folder of the container'],
    ['/srv/data:data', 'absolute folder of the container'],
    ['/srv/data:', 'absolute folder of the container'],
    ['/srv/data:/', 'absolute folder of the container'],
    ['cache:/', 'absolute folder of the container'],
    ['cache:/..', 'absolute folder of the container'],
    ['/srv/data:/x:ro:rw', 'absolute folder of the container'],
    ['/srv/data:/x:rx', 'mode'],
    ['/srv/data:/x:ro,rw', 'mode'],
    ['/srv/data:/x:z,Z', 'mode'],
    ['/srv/data:/x:nocopy', 'mode'],
    ['/srv/data:/x:rw,shared', 'mode'],
    ['/srv/data:/x:rshared', 'mode'],
    ['cache:/x:cached', 'mode'],
    ['cache:/x:ro,rw', 'mode'],
    ['docker-mcp-shim-0123456789ab:/x', "the gateway's own programs"],
    ['Docker-MCP-shim-:/x:ro', "the gateway's own programs"],
    ['/srv/data:/.docker-mcp', 'would replace /.docker-mcp'],
    ['/.docker-mcp/shim-amd64', 'would replace /.docker-mcp'],
    ['cache:/run/secrets', 'would replace /run/secrets'],
    ['cache:/var/run/secrets/x', 'would replace /var/run/secrets'],
    ['/srv/data:/tmp/../proc/self:rw', 'would replace /proc'],
    ['/srv/data://sys', 'would replace /sys'],
    ['/srv/data:/dev/shm', 'would replace /dev'],
  ])('refuses %j and says why', (spec, why) => {
    const verdict = verdictOf(spec, linux)
    expect(verdict).toMatch(/^malformed: the mount /)
    expect(verdict).toContain(why)
  })

  test.each([
    ['/root/projects:/x', true],
    ['~/projects:/x', true],
    ['/root:/x', false],
    ['~/.ssh:/x', false],
  ])('lets the administrator share a folder of the own home only (%s)', (spec, allowed) => {
    expect(checkMount(spec, root).kind === 'allowed').toBe(allowed)
  })

  test.each([
    ['/Users/me/notes:/x', true],
    ['~/Documents:/x', true],
    ['/Users/Shared/data:/x', true],
    ['/Volumes/disk/data:/x', true],
    ['/private/var/folders/ab/T/x:/x', true],
    ['/private/tmp/x:/x', true],
    ['/Users:/x', false],
    ['/users/ME:/x', false],
    ['/Users/other:/x', false],
    ['/Volumes:/x', false],
    ['/Volumes/Macintosh HD/Users/me/notes:/x', false],
    ['/.nofollow/etc:/x', false],
    ['/System/Volumes/Data/Users/me:/x', false],
    ['/private:/x', false],
    ['/private/etc/hosts:/x', false],
    ['/private/var/run/x:/x', false],
    ['/var/run/docker.sock:/x', false],
    ['/Library:/x', false],
    ['/Applications:/x:rw', false],
    ['~/Library:/x', false],
    ['~/Library/Application Support:/x', false],
    ['~/Library/Keychains:/x', false],
    ['~/.docker/run/docker.sock:/x', false],
    ['~/.orbstack/run/docker.sock:/x', false],
  ])('knows macOS (%s)', (spec, allowed) => {
    expect(checkMount(spec, mac).kind === 'allowed').toBe(allowed)
  })

  test.each([
    ['C:\\data:/x', 'C:\\data:/x:ro'],
    ['c:/data:/x:rw', 'c:/data:/x:rw'],
    ['C:\\Users\\me\\my notes:/x', 'C:\\Users\\me\\my notes:/x:ro'],
    ['C:\\Users\\Public\\data:/x', 'C:\\Users\\Public\\data:/x:ro'],
    ['~\\notes:/x', 'C:\\Users\\me\\notes:/x:ro'],
    ['\\\\?\\C:\\data:/x', '\\\\?\\C:\\data:/x:ro'],
    ['\\\\nas\\share\\data:/x', '\\\\nas\\share\\data:/x:ro'],
    ['\\\\wsl$\\Ubuntu\\srv\\data:/x', '\\\\wsl$\\Ubuntu\\srv\\data:/x:ro'],
    ['//wsl.localhost/Ubuntu/home/me/x:/x', '//wsl.localhost/Ubuntu/home/me/x:/x:ro'],
    ['/c/Users/me/notes:/x', '/c/Users/me/notes:/x:ro'],
    ['cache:/x', 'volume cache /x rw'],
  ])('knows Windows: %s is %s', (spec, bind) => {
    expect(verdictOf(spec, windows)).toBe(bind)
  })

  test.each([
    'D:\\:/x',
    'C:\\:/x',
    'C:\\Windows:/x',
    'c:/windows/system32:/x',
    'C:/Program Files (x86)/x:/x',
    'C:\\ProgramData\\docker:/x',
    'C:\\..\\Windows:/x',
    'C:\\data\\..\\Windows:/x',
    'C:\\Windows. :/x',
    'C:\\PROGRA~1:/x',
    'C:\\Users:/x',
    'C:\\Users\\me:/x',
    'c:/users/ME/:/x',
    'D:\\Users\\other:/x',
    'C:\\Users\\me\\.ssh:/x',
    'C:\\Users\\me\\AppData:/x',
    'C:\\Users\\other\\AppData\\Roaming:/x',
    '\\\\?\\C:\\Windows:/x',
    '\\\\?\\Volume{0}\\data:/x',
    '\\\\.\\pipe\\docker_engine:/x',
    '//./pipe/docker_engine:/x',
    '/??/C:/Windows:/x',
    '\\\\localhost\\pipe\\docker_engine:/x',
    '\\\\localhost\\c$\\Windows:/x',
    '\\\\localhost\\ADMIN$\\System32:/x',
    '\\\\?\\UNC\\localhost\\c$\\Windows:/x',
    '\\\\wsl.localhost\\Ubuntu\\etc:/x',
    '\\\\wsl.localhost\\Ubuntu\\home\\me:/x',
    '\\\\wsl$\\Ubuntu:/x',
    '\\\\wsl$:/x',
    '//wsl$/Ubuntu/home/me/.ssh:/x',
    '\\\\wsl$\\Ubuntu\\mnt\\c\\Windows:/x',
    '\\\\wsl$\\Ubuntu\\var\\run\\docker.sock:/x',
    '/c/Users/me/.ssh:/x',
    '//c/Windows:/x',
    '/var/run/docker.sock:/x',
  ])('knows what Windows must not share: %s', spec => {
    expect(verdictOf(spec, windows)).toMatch(/^dangerous: /)
  })

  test.each(['C:data:/x', '\\Windows:/x', '.\\data:/x', '~other\\x:/x'])(
    'asks for the whole path on Windows, too: %s',
    spec => {
      expect(verdictOf(spec, windows)).toMatch(/^malformed: .*write the whole path/)
    },
  )

  test.each<[MountInput, string, string]>([
    [linux, '/var/run/docker.sock', '/var/run/docker.sock:/x:rw'],
    [linux, '/home/me/.kube/config', '~/.kube/config:/x'],
    [linux, '~/.kube', '/home/me/.kube/config:/x'],
    [linux, '/home/me/', '/home/me/./.ssh:/x'],
    [linux, '/', '/etc:/x'],
    [mac, '/users/me/library', '~/Library/Keychains:/x'],
    [windows, 'c:/users/me/.aws', 'C:\\Users\\me\\.aws\\config:/x'],
    [windows, '\\\\.\\pipe\\docker_engine', '//./pipe/docker_engine:/x'],
    [linux, '\\\\wsl$\\Ubuntu\\etc', '\\\\wsl$\\Ubuntu\\etc\\hosts:/x'],
  ])('takes what the user allows in any case (%#: %s)', (input, allowed, spec) => {
    expect(checkMount(spec, input).kind).toBe('dangerous')
    expect(checkMount(spec, {...input, allowMounts: ['/srv', allowed]}).kind).toBe('allowed')
  })

  test.each([
    [linux, '/home/me/.kube', '~/.kubeconfig/../.ssh:/x'],
    [linux, '/home/me/.kube/config', '~/.kube:/x'],
    [linux, '/home/me/.kube', '/home/me/.KUBE/config:/x'],
    [linux, '/home/me/.kube', '/home/me/.kube/../.ssh:/x'],
    [linux, '.kube', '~/.kube:/x'],
    [linux, '', '/etc:/x'],
    [linux, '~other', '/etc:/x'],
    [windows, 'C:\\Users\\me\\.aws', 'C:\\Users\\me\\.aws\\..\\.ssh:/x'],
    [windows, '\\\\.\\pipe\\other', '//./pipe/docker_engine:/x'],
  ])('and nothing else (%#: %s)', (input, allowed, spec) => {
    expect(checkMount(spec, {...input, allowMounts: [allowed]}).kind).toBe('dangerous')
  })

  test('keeps for itself what is not a place of the host, whatever the user allows', () => {
    const all = {...linux, allowMounts: ['/', '~', 'docker-mcp-shim-1']}
    expect(verdictOf('/srv:/.docker-mcp', all)).toContain('would replace')
    expect(verdictOf('docker-mcp-shim-1:/x', all)).toContain('own programs')
    expect(verdictOf('data:x', all)).toContain('write the whole path')
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
        expect(checkMount(spec, linux).kind).toBe('dangerous')
      }),
    )
  })

  test('takes any text without throwing, and what it makes is accepted again unchanged', () => {
    const unit = fc.constantFrom(...'ac~/\\:.$?ro,'.split(''), 'etc', 'rw', 'wsl$', '..')
    const platforms = fc.constantFrom(linux, mac, windows)
    fc.assert(
      fc.property(fc.string({unit, maxLength: 12}), platforms, (spec, input) => {
        const verdict = checkMount(spec, input)
        if (verdict.kind !== 'allowed' || verdict.mount.kind !== 'bind') return
        const {source, target, isReadOnly, label} = verdict.mount
        const modes = [isReadOnly ? 'ro' : 'rw', ...(label ? [label] : [])].join(',')
        expect(checkMount(`${source}:${target}:${modes}`, input)).toEqual(verdict)
      }),
      {numRuns: 5000},
    )
  })

  test('never reaches a dangerous place by what the user allows elsewhere', () => {
    const unit = fc.constantFrom(...'a~/.'.split(''), '..', '.ssh', 'me', '/home/me/')
    fc.assert(
      fc.property(fc.string({unit, maxLength: 8}), rest => {
        const spec = `/home/me/allowed/${rest}:/x`
        const verdict = checkMount(spec, {...linux, allowMounts: ['/home/me/allowed']})
        const strict = checkMount(spec, linux)
        if (verdict.kind !== 'allowed' || strict.kind === 'allowed') return
        expect(verdict.mount.source).toMatch(/^\/home\/me\/allowed(?:\/|$)/)
      }),
    )
  })
})

test('folders of the host and volumes are mounts, and binds only where SELinux is told something', () => {
  expect(engineMounts([])).toEqual({})
  expect(
    engineMounts([
      {kind: 'bind', source: '/a:b', target: '/a', isReadOnly: true},
      {kind: 'volume', source: 'v', target: '/v', isReadOnly: true},
      {kind: 'bind', source: '/c', target: '/c', isReadOnly: true, label: 'z'},
    ]),
  ).toEqual({
    Mounts: [
      {Type: 'bind', Source: '/a:b', Target: '/a', ReadOnly: true},
      {Type: 'volume', Source: 'v', Target: '/v', ReadOnly: true},
    ],
    Binds: ['/c:/c:ro,z'],
  })
})
