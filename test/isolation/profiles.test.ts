import {randomUUID} from 'node:crypto'
import {access} from 'node:fs/promises'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {ensurePythonImage} from '../../scripts/python-image.ts'
import type {JsonObject} from '../../src/lib/base/json.ts'
import {sampleImage} from '../support/cli-catalog.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {type Entries, startGateway, type TestGateway} from './gateway.ts'

/** Python comes from apt. */
const hasApt = await access('/usr/bin/apt-get').then(
  () => true,
  () => false,
)

const FOUND = {
  entities: [{name: 'crate', entityType: 'thing', observations: ['is made of wood']}],
}

/** What the sample servers are for, with what they answer. */
const SAMPLES: readonly {
  readonly server: string
  readonly calls: readonly (readonly [tool: string, args: JsonObject, answer: RegExp])[]
}[] = [
  {
    server: 'everything',
    calls: [
      ['echo', {message: 'over here'}, /over here/],
      ['get-sum', {a: 2, b: 3}, /5/],
      ['get-env', {}, /"PATH"/],
    ],
  },
  {
    server: 'filesystem',
    calls: [
      ['write_file', {path: '/files/note.txt', content: 'kept'}, /success/i],
      ['read_text_file', {path: '/files/note.txt'}, /kept/],
      ['move_file', {source: '/files/note.txt', destination: '/files/moved.txt'}, /moved/i],
      ['list_directory', {path: '/files'}, /moved\.txt/],
    ],
  },
  {
    server: 'memory',
    calls: [
      ['create_entities', FOUND, /crate/],
      ['search_nodes', {query: 'wood'}, /crate/],
    ],
  },
  {
    server: 'sequentialthinking',
    calls: [
      [
        'sequentialthinking',
        {thought: 'one', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1},
        /thoughtHistoryLength/,
      ],
    ],
  },
]

describe.for(['default', 'strict'] as const)('under the profile %s', profile => {
  const mark = `iso-fixtures-${randomUUID().slice(0, 8)}`
  let cli: DockerCli
  let gateway: TestGateway

  beforeAll(async () => {
    cli = await dockerCli()
    const volumes: Readonly<Record<string, string>> = {filesystem: '/files', memory: '/data'}
    const servers: Record<string, Entries[string]> = {}
    for (const {server} of SAMPLES) {
      const folder = volumes[server]
      servers[server] = {
        image: await sampleImage(server),
        disableNetwork: true,
        ...(server === 'filesystem' && {command: ['/files']}),
        ...(folder !== undefined && {volumes: [`${mark}-${server}:${folder}`]}),
      }
    }
    if (hasApt) servers['python'] = {image: await ensurePythonImage(() => undefined)}
    gateway = await startGateway({cli, servers, flags: ['--security', profile]})
  })

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]()
    for (const name of ['filesystem', 'memory']) {
      await cli?.run(['volume', 'rm', '--force', `${mark}-${name}`])
    }
    await cli?.[Symbol.asyncDispose]()
  })

  test.for(SAMPLES)('the sample $server works', async ({server, calls}) => {
    for (const [tool, args, answer] of calls) {
      expect(await gateway.text(server, tool, args)).toMatch(answer)
    }
  })

  describe.runIf(hasApt)('Python', () => {
    test.for([
      ['write_file', {folder: '/tmp'}, 'kept'],
      ['write_file', {folder: '~'}, 'kept'],
      ['temporary_file', {}, '/tmp'],
      ['processes', {}, [2, 4, 6]],
      ['database', {}, 3],
      ['program', {}, 'in on'],
      ['pair', {}, 'over loopback'],
    ] as const)('has what %s needs: %j', async ([tool, args, answer]) => {
      expect(await gateway.call('python', tool, args)).toEqual(answer)
    })

    test('has a home that it can write to, as a user that is not root', async () => {
      const {home, uid} = await gateway.call<{home: string; uid: number}>('python', 'environment')
      expect({home, uid}).toEqual({
        home: profile === 'strict' ? '/tmp' : '/home/python',
        uid: 1000,
      })
    })
  })

  test('all of them end with the gateway', async () => {
    expect((await cli.containers()).length).toBeGreaterThanOrEqual(SAMPLES.length)
    await gateway[Symbol.asyncDispose]()
    await cli.gone()
  })
})
