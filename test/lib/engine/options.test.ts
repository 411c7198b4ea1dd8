import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  type ContainerInput,
  containerName,
  containerOptions,
  parseCpus,
  parseMemory,
} from '../../../src/lib/engine/options.ts'

const plain: ContainerInput = {
  server: 'time',
  owner: 'owner-1',
  image: 'mcp/time',
  facts: {user: '1000', volumes: [], entrypoint: ['/bin/time'], cmd: ['--utc'], workingDir: ''},
  command: [],
  entry: {kind: 'plain', env: []},
  mounts: [],
  network: {kind: 'none'},
  security: {profile: 'default', capAdd: [], tmpfs: []},
  secretFiles: false,
  transport: 'stdio',
  limits: {cpus: 1, memoryBytes: 2 * 1024 ** 3, pids: 256, diskBytes: 1024 ** 3},
}
const shimmed: ContainerInput = {
  ...plain,
  entry: {kind: 'shim', volume: 'programs-1', architecture: 'arm64', stdin: 'messages'},
}

describe('containerOptions', () => {
  test('asks for a container that talks over stdio, is limited, leaves no trace and goes away', () => {
    expect(containerOptions(plain)).toEqual({
      Image: 'mcp/time',
      Env: [],
      Labels: {
        'docker-mcp': 'true',
        'docker-mcp-tool-type': 'mcp',
        'docker-mcp-name': 'time',
        'docker-mcp-transport': 'stdio',
        'docker-mcp-owner': 'owner-1',
        'docker-mcp-unleased': 'true',
      },
      Tty: false,
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      NetworkDisabled: true,
      Healthcheck: {Test: ['NONE']},
      HostConfig: {
        AutoRemove: true,
        LogConfig: {Type: 'none', Config: {}},
        RestartPolicy: {Name: 'no'},
        Init: true,
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        CapAdd: [],
        SecurityOpt: ['no-new-privileges'],
        ReadonlyRootfs: false,
        CgroupnsMode: 'private',
        IpcMode: 'private',
        Ulimits: [
          {Name: 'core', Soft: 1, Hard: 1},
          {Name: 'nofile', Soft: 1024, Hard: 4096},
          {Name: 'fsize', Soft: 1024 ** 3, Hard: 1024 ** 3},
        ],
        Tmpfs: {'/tmp': 'rw,exec,nosuid,nodev,size=64m,mode=1777,uid=1000,gid=0'},
        NanoCpus: 1e9,
        Memory: 2147483648,
        MemorySwap: 2147483648,
        PidsLimit: 256,
      },
    })
  })

  test('starts the program of the image by the shim, without a variable', () => {
    const {Entrypoint, Cmd, Env, HostConfig} = containerOptions(shimmed)
    expect(Entrypoint).toEqual(['/.docker-mcp/shim-arm64', '-t0', '-w5', '--'])
    expect(Cmd).toEqual(['/bin/time', '--utc'])
    expect(Env).toEqual([])
    expect(HostConfig).not.toHaveProperty('Init')
    expect(HostConfig.Mounts).toEqual([
      {
        Type: 'volume',
        Source: 'programs-1',
        Target: '/.docker-mcp',
        ReadOnly: true,
        VolumeOptions: {NoCopy: true},
      },
    ])
  })

  test.each<[string, Partial<ContainerInput['facts']>, readonly string[], readonly string[]]>([
    ['the arguments of the entry', {}, ['a', ''], ['/bin/time', 'a', '']],
    ['an image without entrypoint', {entrypoint: []}, [], ['--utc']],
    ['both', {entrypoint: []}, ['/bin/other'], ['/bin/other']],
  ])('knows with %s what the program is', (_case, facts, command, expected) => {
    const input = {...shimmed, command, facts: {...shimmed.facts, ...facts}}
    expect(containerOptions(input).Cmd).toEqual(expected)
  })

  test('says so when there is no program', () => {
    const facts = {...shimmed.facts, entrypoint: [], cmd: []}
    expect(() => containerOptions({...shimmed, facts})).toThrow(
      expect.objectContaining({
        code: 'SERVER_START_FAILED',
        message: expect.stringMatching(/^server time cannot start: .*no program/),
      }),
    )
  })

  test('keeps stdin from a server that speaks HTTP, and says in a label that it does', () => {
    const options = containerOptions({
      ...shimmed,
      transport: 'http',
      entry: {kind: 'shim', volume: 'v', architecture: 'amd64', stdin: 'lifeline'},
    })
    expect(options.Entrypoint).toEqual(['/.docker-mcp/shim-amd64', '-t0', '-w0', '-n', '--'])
    expect(options.Labels['docker-mcp-transport']).toBe('http')
  })

  test('passes on command, environment, user and mounts', () => {
    const options = containerOptions({
      ...plain,
      command: ['--x', ''],
      entry: {
        kind: 'plain',
        env: [
          ['A', 'b=c d'],
          ['EMPTY', ''],
        ],
      },
      mounts: [
        {kind: 'bind', source: '/tmp/a', target: '/a', isReadOnly: true},
        {kind: 'bind', source: '/tmp/b', target: '/b', isReadOnly: false, label: 'Z'},
        {kind: 'volume', source: 'cache', target: '/c', isReadOnly: false},
        {kind: 'volume', target: '/d', isReadOnly: false, isNoCopy: true},
      ],
      user: '1000:1000',
    })
    expect(options).toMatchObject({
      Cmd: ['--x', ''],
      Env: ['A=b=c d', 'EMPTY='],
      User: '1000:1000',
      HostConfig: {
        Binds: ['/tmp/b:/b:rw,Z'],
        Mounts: [
          {Type: 'bind', Source: '/tmp/a', Target: '/a', ReadOnly: true},
          {Type: 'volume', Source: 'cache', Target: '/c', ReadOnly: false},
          {Type: 'volume', Target: '/d', ReadOnly: false, VolumeOptions: {NoCopy: true}},
        ],
      },
    })
    expect(options).not.toHaveProperty('Entrypoint')
  })

  test('takes the network away twice when there is to be none', () => {
    const options = containerOptions(plain)
    expect(options).toMatchObject({NetworkDisabled: true, HostConfig: {NetworkMode: 'none'}})
  })

  test("leaves an open network to the engine's default", () => {
    const network = {kind: 'open', extraHosts: ['h:127.0.0.1']} as const
    const options = containerOptions({...plain, network})
    expect(options.HostConfig.ExtraHosts).toEqual(['h:127.0.0.1'])
    expect(options).not.toHaveProperty('NetworkDisabled')
    expect(options.HostConfig).not.toHaveProperty('NetworkMode')
    expect(options.HostConfig).not.toHaveProperty('Dns')
  })

  test.each([
    [undefined, 'none'],
    ['own-1', 'own-1'],
  ])('relays what leaves a container of the network %s', (own, mode) => {
    const network = {kind: 'relayed', network: own} as const
    const options = containerOptions({...plain, network})
    expect(options.HostConfig).toMatchObject({
      NetworkMode: mode,
      Dns: ['127.0.0.53'],
      DnsSearch: ['.'],
    })
    expect(options).not.toHaveProperty('NetworkDisabled')
  })

  test('leaves limits out that are not set', () => {
    const {HostConfig} = containerOptions({
      ...plain,
      limits: {cpus: 0, memoryBytes: undefined, pids: 0, diskBytes: 1024 ** 3},
    })
    expect(Object.keys(HostConfig).filter(name => /Memory|Pids|Nano/.test(name))).toEqual([])
  })

  test('refuses variables that no process can have', () => {
    const env = [['A', 'secret\0value']] as const
    const build = () => containerOptions({...plain, entry: {kind: 'plain', env}})
    expect(build).toThrow(
      'server time cannot start: its environment variable "A" contains a zero byte',
    )
  })
})

describe('parseMemory', () => {
  test.each([
    ['', undefined],
    ['0', undefined],
    ['0b', undefined],
    ['2Gb', 2 * 1024 ** 3],
    ['2gb', 2 * 1024 ** 3],
    ['2GiB', 2 * 1024 ** 3],
    ['2 g', 2 * 1024 ** 3],
    ['512m', 512 * 1024 ** 2],
    ['8192k', 8 * 1024 ** 2],
    ['1.5g', 1.5 * 1024 ** 3],
    ['1073741824', 1024 ** 3],
    ['1073741824b', 1024 ** 3],
    ['1t', 1024 ** 4],
    ['6m', 6 * 1024 ** 2],
  ])('reads %j as %j', (text, bytes) => {
    expect(parseMemory(text)).toBe(bytes)
  })

  test.each(['x', '-1', '1x', 'g', '1e9', '1,5g', ' 1g', '1g ', '1..5g', 'NaN', 'Infinity'])(
    'refuses %j, which is not a size',
    text => {
      expect(() => parseMemory(text)).toThrow(expect.objectContaining({code: 'USAGE'}))
    },
  )

  test.each(['1', '5m', '9000p', '9'.repeat(400)])('refuses %j, which no container has', text => {
    expect(() => parseMemory(text)).toThrow(/too (small|large)/)
  })

  test('gives back every number of bytes that it can give', () => {
    const bytes = fc.integer({min: 6 * 1024 ** 2, max: Number.MAX_SAFE_INTEGER})
    fc.assert(
      fc.property(bytes, count => {
        expect(parseMemory(`${count}`)).toBe(count)
      }),
    )
  })
})

describe('parseCpus', () => {
  test.each([
    ['', 0],
    ['0', 0],
    ['1', 1],
    ['0.5', 0.5],
    ['.5', 0.5],
    ['0.01', 0.01],
    ['16', 16],
  ])('reads %j as %j', (text, cpus) => {
    expect(parseCpus(text)).toBe(cpus)
  })

  test.each(['x', '-1', '0.001', '1e3', '0x1', 'Infinity', '1,5', ' 1', '.', '1'.repeat(400)])(
    'refuses %j',
    text => {
      expect(() => parseCpus(text)).toThrow(expect.objectContaining({code: 'USAGE'}))
    },
  )
})

describe('containerName', () => {
  test('says which server it is', () => {
    expect(containerName('github-official', '0a1b2c')).toBe('mcp-github-official-0a1b2c')
    expect(containerName('my server/é', '0a1b2c')).toBe('mcp-my-server--0a1b2c')
  })

  test('is one that the engine takes, whatever the server is called', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), server => {
        const name = containerName(server, '0a1b2c')
        expect(name).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}$/)
      }),
    )
  })
})
