import {execFile} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {promisify} from 'node:util'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {openEngine} from '../../../src/lib/engine/dockerode.ts'
import type {Engine} from '../../../src/lib/engine/engine.ts'
import {splitFrames} from '../../../src/lib/engine/frames.ts'
import {
  hardening,
  type HardeningInput,
  profileEnvironment,
} from '../../../src/lib/engine/hardening.ts'
import {
  type ContainerInput,
  type ContainerOptions,
  containerOptions,
} from '../../../src/lib/engine/options.ts'
import {scriptInput} from '../../engines/containers.ts'
import {fixtureImage} from '../../support/fixture-images.ts'
import {makeSampleImage, type SampleImage} from './sample-image.ts'

const run = promisify(execFile)

const FOR_ROOT = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'KILL']
const MEMORY = 'rw,exec,nosuid,nodev,size=256m,mode=1777,uid=1000,gid=0'

const plain: HardeningInput = {
  server: 'time',
  security: {profile: 'default', capAdd: [], tmpfs: []},
  facts: {user: '1000', volumes: [], entrypoint: ['/bin/time'], cmd: [], workingDir: ''},
  command: [],
  mounts: [],
  limits: {diskBytes: 1024 ** 3},
  secretFiles: false,
}
const strict: HardeningInput = {...plain, security: {...plain.security, profile: 'strict'}}
const ofUser = (user: string): HardeningInput => ({...plain, facts: {...plain.facts, user}})
const withVolumes = (
  volumes: readonly string[],
  more: Partial<HardeningInput['facts']> = {},
): HardeningInput => ({...plain, facts: {...plain.facts, volumes, ...more}})

describe('hardening', () => {
  test('bounds each file, but for servers that were given something to write to', () => {
    const limit = {Name: 'fsize', Soft: 1024 ** 3, Hard: 1024 ** 3}
    const mount = {kind: 'volume', source: 'data', target: '/data'} as const
    const readable = {...plain, mounts: [{...mount, isReadOnly: true}]}
    const writable = {...plain, mounts: [{...mount, isReadOnly: false}]}
    expect(hardening(readable).HostConfig.Ulimits).toContainEqual(limit)
    expect(hardening(writable).HostConfig.Ulimits.map(({Name}) => Name)).toEqual(['core', 'nofile'])
  })

  test.each(['', 'root', '0', '00', '+0', '0:0', 'root:root', 'root:1000', ':1000'])(
    'leaves to a server that begins as root (%j) what it needs to become somebody else',
    user => {
      expect(hardening(ofUser(user)).HostConfig).toMatchObject({CapDrop: ['ALL'], CapAdd: FOR_ROOT})
      expect(hardening({...plain, user: user || '0'}).HostConfig.CapAdd).toEqual(FOR_ROOT)
    },
  )

  test.each(['1000', '1000:0', 'node', 'rooted', '10'])('leaves nothing to %j', user => {
    expect(hardening(ofUser(user)).HostConfig).toMatchObject({CapDrop: ['ALL'], CapAdd: []})
    expect(hardening({...ofUser('root'), user}).HostConfig.CapAdd).toEqual([])
  })

  test('names a user only when the entry does', () => {
    expect(hardening(ofUser('root'))).not.toHaveProperty('User')
    expect(hardening({...plain, user: ''})).not.toHaveProperty('User')
    expect(hardening({...plain, user: 'node:1000'}).User).toBe('node:1000')
  })

  test.each(['-1', '--privileged', 'a\nb', 'a\0', '\u001B[2J', 'a b'])(
    'refuses the user %j',
    user => {
      expect(() => hardening({...plain, user})).toThrow(
        expect.objectContaining({
          code: 'SERVER_START_FAILED',
          message: `server time cannot start: its user ${JSON.stringify(user)} is not the name or number of a user`,
        }),
      )
    },
  )

  test('gives back capabilities that the entry names, each once', () => {
    const security = {...plain.security, capAdd: ['NET_RAW', 'KILL']}
    expect(hardening({...ofUser('root'), security}).HostConfig.CapAdd).toEqual([
      ...FOR_ROOT,
      'NET_RAW',
    ])
  })

  test.each([
    ['default', undefined, false],
    ['default', true, true],
    ['strict', undefined, true],
    ['strict', false, false],
  ] as const)('with profile %s and readOnly %s: a root that is read-only? %s', (...row) => {
    const [profile, readOnly, expected] = row
    const security = {...plain.security, profile, ...(readOnly !== undefined && {readOnly})}
    expect(hardening({...plain, security}).HostConfig.ReadonlyRootfs).toBe(expected)
  })

  test.each(['', 'root', '0:0'])('runs %j as nobody when it is strict', user => {
    const result = hardening({...strict, facts: {...strict.facts, user}})
    expect(result.User).toBe('65534:65534')
    expect(result.HostConfig.CapAdd).toEqual([])
    expect(hardening({...strict, user: user || 'root'}).User).toBe('65534:65534')
  })

  test('leaves a user alone who is not root when it is strict', () => {
    expect(hardening(strict)).not.toHaveProperty('User')
    expect(hardening({...strict, user: '7'}).User).toBe('7')
  })

  test.each(['node', 'node:node', 'rooted', '0:5'])('gives them to %j, who may be root', user => {
    const security = {...plain.security, capAdd: ['NET_RAW']}
    expect(hardening({...plain, security, user}).HostConfig.CapAdd).toContain('NET_RAW')
  })

  test.each([
    ['default', '1000', 'user: root'],
    ['default', '1000:0', 'user: root'],
    ['default', '+7', 'user: root'],
    ['strict', '1000', 'security: default and user: root'],
    ['strict', 'root', 'security: default and user: root'],
    ['strict', '', 'security: default and user: root'],
  ] as const)('refuses capabilities for whom they are nothing: %s, %j', (profile, user, way) => {
    const security = {profile, capAdd: ['NET_RAW', 'KILL'], tmpfs: []}
    const refusal = expect.objectContaining({
      code: 'SERVER_START_FAILED',
      message:
        'server time cannot start: its capAdd (NET_RAW, KILL) does nothing for a user who is not root',
      hint: `write ${way} in its catalog entry, or leave capAdd out`,
    })
    expect(() => hardening({...ofUser(user), security})).toThrow(refusal)
    expect(() => hardening({...ofUser('9'), user: user || '0', security})).toThrow(refusal)
  })

  test.each([
    ['', 'size=64m'],
    ['exec,mode=700', 'exec,mode=700,size=64m'],
    ['exec,size=2g', 'exec,size=2g'],
  ])('gives a folder in memory of the entry (%j) a size', (options, expected) => {
    const security = {...plain.security, tmpfs: [{path: '/x', options}]}
    expect(hardening({...plain, security}).HostConfig.Tmpfs).toMatchObject({'/x': expected})
  })

  test('has a folder for temporary files, of the size and kind that the profile says', () => {
    const ofDefault = 'rw,exec,nosuid,nodev,size=64m,mode=1777,uid=1000,gid=0'
    const ofStrict = 'rw,noexec,nosuid,nodev,size=64m,mode=1777,uid=1000,gid=0'
    expect(hardening(plain).HostConfig.Tmpfs).toEqual({'/tmp': ofDefault})
    expect(hardening(strict).HostConfig.Tmpfs).toEqual({'/tmp': ofStrict})
    expect(hardening(withVolumes(['/tmp'])).HostConfig.Tmpfs).toEqual({'/tmp': ofDefault})
  })

  test('leaves that folder to an entry that has its own', () => {
    const mount = {kind: 'volume', target: '/tmp', isReadOnly: false} as const
    expect(hardening({...plain, mounts: [mount]}).HostConfig.Tmpfs).toEqual({})
    const tmpfs = [{path: '/tmp', options: 'size=1g'}]
    const security = {...plain.security, tmpfs}
    expect(hardening({...plain, security}).HostConfig.Tmpfs).toEqual({'/tmp': 'size=1g'})
  })

  test('has a place for secrets, where nothing can be run, when there are files', () => {
    expect(hardening({...plain, secretFiles: true}).HostConfig.Tmpfs['/run/secrets']).toBe(
      'rw,noexec,nosuid,nodev,size=1m,mode=1777,uid=1000,gid=0',
    )
  })

  test.each([
    ['', ''],
    ['0:0', ''],
    ['1000', ',uid=1000,gid=0'],
    ['1000:50', ',uid=1000,gid=50'],
  ])('gives folders in memory to the user (%j) who is to write there', (user, owner) => {
    const {Tmpfs} = hardening({
      ...withVolumes(['/data']),
      user,
      facts: {...withVolumes(['/data']).facts, user},
    }).HostConfig
    expect(Tmpfs).toEqual({
      '/data': `rw,exec,nosuid,nodev,size=256m,mode=1777${owner}`,
      '/tmp': `rw,exec,nosuid,nodev,size=64m,mode=1777${owner}`,
    })
  })

  test('leaves volumes to the engine where the number of the user is not known', () => {
    const named = {...withVolumes(['/data']), user: 'node:node'}
    expect(Object.keys(hardening(named).HostConfig.Tmpfs)).toEqual(['/tmp'])
  })

  test('keeps what the image wants a volume for in memory', () => {
    const {Tmpfs} = hardening(withVolumes(['/data', '/var//cache/'])).HostConfig
    expect(Tmpfs).toMatchObject({'/data': MEMORY, '/var/cache': MEMORY})
  })

  test('but not where something is mounted, and not where the system or the gateway is', () => {
    const mounts = [{kind: 'volume', source: 'v', target: '/data', isReadOnly: false} as const]
    const places = ['/data', '/', 'relative', '/proc/x', '/.docker-mcp', '/run/secrets/a']
    const {Tmpfs} = hardening({...withVolumes(places), mounts}).HostConfig
    expect(Object.keys(Tmpfs)).toEqual(['/tmp'])
  })

  test.each([
    {entrypoint: ['/app/bin/run']},
    {entrypoint: ['node', '/app/index.js']},
    {cmd: ['/app/run']},
    {workingDir: '/app', entrypoint: ['run']},
    {workingDir: '/app/server', entrypoint: ['run', '-x']},
    {workingDir: '/app', entrypoint: ['./run']},
    {workingDir: '/', entrypoint: ['app/run']},
    {workingDir: '', entrypoint: ['/bin/node', 'app/index.js']},
    {workingDir: '/app', entrypoint: ['/bin/node', 'index.js']},
    {workingDir: '/app', entrypoint: ['/bin/sh'], cmd: ['-c', 'node index.js']},
    {workingDir: '/srv', entrypoint: ['/bin/node', '../app/index.js']},
  ])('and not where its program is: %j', facts => {
    expect(hardening(withVolumes(['/app'], facts)).HostConfig.Tmpfs).not.toHaveProperty('/app')
  })

  test.each([
    {workingDir: '/app', entrypoint: ['/bin/run']},
    {workingDir: '/app', entrypoint: ['/bin/run', '--stdio']},
    {workingDir: '/app', entrypoint: ['/bin/node', '/server/index.js']},
    {workingDir: '/app', entrypoint: ['../bin/run']},
    {workingDir: '/', entrypoint: ['run', 'application/x']},
  ])('but also where its program begins: %j', facts => {
    expect(hardening(withVolumes(['/app'], facts)).HostConfig.Tmpfs).toHaveProperty('/app')
  })

  test("the entry's arguments count instead of the image's", () => {
    const image = {workingDir: '/app', entrypoint: ['/bin/node'], cmd: ['index.js']}
    const command = ['/server/index.js']
    const tmpfs = hardening({...withVolumes(['/app'], image), command}).HostConfig.Tmpfs
    expect(tmpfs).toHaveProperty('/app')
    const inside = {...withVolumes(['/app'], {...image, cmd: []}), command: ['index.js']}
    expect(hardening(inside).HostConfig.Tmpfs).not.toHaveProperty('/app')
  })

  test('an argument that names the volume itself is no program in it', () => {
    const {Tmpfs} = hardening(withVolumes(['/data'], {cmd: ['--in', '/data']})).HostConfig
    expect(Tmpfs).toHaveProperty('/data')
  })
})

test('a strict server has its home where it can write', () => {
  expect(profileEnvironment('strict')).toEqual([['HOME', '/tmp']])
  expect(profileEnvironment('default')).toEqual([])
})

describe('a container on the engine', () => {
  const owner = `iso-hardening-${randomUUID()}`
  let image: SampleImage
  let engine: Engine
  beforeAll(async () => {
    image = await makeSampleImage(`localhost/docker-mcp-test/hardening:${owner}`)
    engine = await openEngine({kind: 'unix', path: '/var/run/docker.sock', from: 'the default'})
  })
  afterAll(async () => {
    const left = await engine.list({'docker-mcp-owner': owner})
    await Promise.all(left.map(each => engine.remove(each.id, {force: true})))
    await image[Symbol.asyncDispose]()
  })

  const inputOf = (script: string, more: Partial<ContainerInput>): ContainerInput =>
    scriptInput(
      {owner, image: image.ref, script},
      {
        facts: {
          user: '65532',
          volumes: [],
          entrypoint: ['/bin/sh'],
          cmd: ['-c', 'cat'],
          workingDir: '',
        },
        ...more,
      },
    )

  /** What a script prints in a container of these options. */
  const outputOf = (script: string, more: Partial<ContainerInput> = {}): Promise<string> =>
    outputOfOptions(containerOptions(inputOf(script, more)))

  const outputOfOptions = async (options: ContainerOptions): Promise<string> => {
    const id = await engine.create(options)
    const stream = await engine.attach(id)
    await engine.start(id)
    const out: Buffer[] = []
    const keep = (chunk: Buffer) => void out.push(chunk)
    await splitFrames(stream, {stdout: keep, stderr: keep})
    await engine.remove(id, {force: true})
    return Buffer.concat(out).toString()
  }

  const FACTS = 'cat /proc/self/status; while read l; do echo "$l"; done < /proc/self/limits'
  const strictly = {security: {profile: 'strict', capAdd: [], tmpfs: []}} as const

  test('has no rights and no way to get any', async () => {
    const text = await outputOf(FACTS)
    expect(text).toMatch(/CapBnd:\t0{16}\n/)
    expect(text).toMatch(/NoNewPrivs:\t1\n/)
    expect(text).toMatch(/Seccomp:\t2\n/)
    expect(text).toMatch(/Uid:\t65532\t/)
    expect(text).toMatch(/Max core file size +1 +1 /)
    expect(text).toMatch(/Max open files +1024 +4096 /)
    expect(text).toMatch(/Max file size +1073741824 +1073741824 /)
  })

  test('has six capabilities when it is root, and none when it is strict', async () => {
    const root = {user: '0'}
    // CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, KILL 5, SETGID 6, SETUID 7 (linux/capability.h)
    expect(await outputOf(FACTS, root)).toMatch(/Uid:\t0\t[^]*CapEff:\t00000000000000eb\n/)
    const text = await outputOf(FACTS, {...root, ...strictly})
    expect(text).toMatch(/Uid:\t65534\t[^]*CapEff:\t0{16}\n/)
    const security = {profile: 'default', capAdd: ['NET_RAW'], tmpfs: []} as const
    expect(await outputOf(FACTS, {...root, security})).toMatch(/CapEff:\t0{12}20eb\n/)
  })

  const WRITES =
    'for p in /here /tmp/here /data/here /run/secrets/here; do (echo x > $p) 2>/dev/null && echo $p; done; true'
  const places = {
    facts: {
      user: '0',
      volumes: ['/data'],
      entrypoint: ['/bin/sh'],
      cmd: [],
      workingDir: '',
    },
    secretFiles: true,
  }

  test.each([
    ['default', undefined, ['/here', '/tmp/here', '/data/here', '/run/secrets/here']],
    ['default', true, ['/tmp/here', '/data/here', '/run/secrets/here']],
    ['strict', undefined, ['/tmp/here', '/data/here', '/run/secrets/here']],
  ] as const)('of profile %s, readOnly %s, can be written to at %j', async (...row) => {
    const [profile, readOnly, expected] = row
    const security = {profile, capAdd: [], tmpfs: [], ...(readOnly !== undefined && {readOnly})}
    const text = await outputOf(WRITES, {...places, user: '0', security})
    expect(text.trim().split('\n')).toEqual(expected)
  })

  test('has no volume on the disk for what its image wants one for', async () => {
    const text = await outputOf('while read l; do echo "$l"; done < /proc/self/mounts', places)
    expect(text).toMatch(/^tmpfs \/data tmpfs rw,nosuid,nodev,relatime,size=262144k/m)
    expect(text).toMatch(/^tmpfs \/tmp tmpfs rw,nosuid,nodev,relatime,size=65536k/m)
    expect(text).toMatch(/^tmpfs \/run\/secrets tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k/m)
  })

  test('asks the relay for names when it is relayed', async () => {
    const network = {kind: 'relayed', network: undefined} as const
    const text = await outputOf('cat /etc/resolv.conf', {network})
    expect(text).toMatch(/^nameserver 127\.0\.0\.53$/m)
    expect(text).not.toMatch(/^(?:search|options)/m)
    expect(text.match(/^nameserver/gm)).toHaveLength(1)
  })

  test('asks the relay also in a network of its own, whose names the engine knows', async () => {
    const name = `${owner}-net`
    await run('docker', ['network', 'create', '--internal', name])
    try {
      const network = {kind: 'relayed', network: name} as const
      const node = ['/usr/local/bin/node', '-e', LISTENS_FOR_NAMES]
      const facts = {user: '1000', volumes: [], entrypoint: node, cmd: [], workingDir: ''}
      const own = {image: await fixtureImage('shows-environment'), facts, user: '1000'}
      const entry = {kind: 'plain', env: []} as const
      const options = containerOptions(inputOf('', {...own, entry, command: [], network}))
      const text = await outputOfOptions({...options, Entrypoint: node})
      expect(text.trim().split('\n')).toEqual(['api.example.test', 'single', 'over'])
    } finally {
      await run('docker', ['network', 'rm', name])
    }
  })
})

/** Tells each name that is asked for at the relay's address, and denies it. Names are asked for one after another. */
const LISTENS_FOR_NAMES = `
const seen = new Set()
const server = require('dgram').createSocket('udp4')
server.on('message', (packet, {port, address}) => {
  const labels = []
  for (let at = 12; packet[at] > 0; at += packet[at] + 1)
    labels.push(packet.toString('latin1', at + 1, at + 1 + packet[at]))
  seen.add(labels.join('.'))
  packet.writeUInt16BE(0x8183, 2)
  server.send(packet, port, address)
})
server.bind(53, '127.0.0.53', async () => {
  const {lookup} = require('dns').promises
  await lookup('api.example.test').catch(() => {})
  await lookup('single').catch(() => {})
  console.log([...seen, 'over'].join('\\n'))
  server.close()
})
`
