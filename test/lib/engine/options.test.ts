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
  session: 'session-1',
  image: 'mcp/time',
  command: [],
  env: [],
  volumes: [],
  networkDisabled: false,
  extraHosts: [],
  limits: {cpus: 1, memoryBytes: 2 * 1024 ** 3, pids: 256},
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
        'docker-mcp-session': 'session-1',
      },
      Tty: false,
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Healthcheck: {Test: ['NONE']},
      HostConfig: {
        AutoRemove: true,
        LogConfig: {Type: 'none', Config: {}},
        SecurityOpt: ['no-new-privileges'],
        RestartPolicy: {Name: 'no'},
        Ulimits: [{Name: 'core', Soft: 0, Hard: 0}],
        NanoCpus: 1e9,
        Memory: 2147483648,
        MemorySwap: 2147483648,
        PidsLimit: 256,
      },
    })
  })

  test('passes on command, environment, user, mounts and hosts', () => {
    const options = containerOptions({
      ...plain,
      command: ['--x', ''],
      env: [
        ['A', 'b=c d'],
        ['EMPTY', ''],
      ],
      volumes: ['/tmp/a:/a:ro'],
      user: '1000:1000',
      extraHosts: ['h:127.0.0.1'],
    })
    expect(options).toMatchObject({
      Cmd: ['--x', ''],
      Env: ['A=b=c d', 'EMPTY='],
      User: '1000:1000',
      HostConfig: {Binds: ['/tmp/a:/a:ro'], ExtraHosts: ['h:127.0.0.1']},
    })
    expect(options.HostConfig).not.toHaveProperty('NetworkMode')
  })

  test('takes the network away twice when it is disabled', () => {
    expect(containerOptions({...plain, networkDisabled: true})).toMatchObject({
      NetworkDisabled: true,
      HostConfig: {NetworkMode: 'none'},
    })
  })

  test('leaves limits out that are not set', () => {
    const {HostConfig} = containerOptions({
      ...plain,
      limits: {cpus: 0, memoryBytes: undefined, pids: 0},
    })
    const names = Object.keys(HostConfig)
    expect(names).not.toEqual(expect.arrayContaining(['NanoCpus']))
    expect(names.filter(name => /Memory|Pids|Nano/.test(name))).toEqual([])
  })

  test.each([
    ['', 'x', 'has a name'],
    ['A=B', 'x', 'has a name'],
    ['A', 'secret\0value', 'zero byte'],
    ['A', 'secret'.repeat(30_000), 'longer than'],
  ])('refuses a variable that no process can have (%j)', (name, value, why) => {
    const build = () => containerOptions({...plain, env: [[name, value]]})
    expect(build).toThrow(
      expect.objectContaining({
        code: 'SERVER_START_FAILED',
        message: expect.stringMatching(`^time cannot start: .*${why}`),
      }),
    )
    expect(build).not.toThrow('secret')
  })

  test('takes the longest variable that the system passes on', () => {
    const value = 'x'.repeat(131_069)
    expect(containerOptions({...plain, env: [['A', value]]}).Env).toEqual([`A=${value}`])
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
