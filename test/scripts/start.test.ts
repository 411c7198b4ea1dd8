import {once} from 'node:events'
import {createServer} from 'node:net'

import {describe, expect, test} from 'vitest'

import {freePort, portOf} from '../../scripts/start.ts'
import {reporters} from '../../scripts/test.ts'

describe('portOf', () => {
  test('is 8811 unless another is named', () => {
    expect(portOf([])).toBe(8811)
    expect(portOf(['--port', '9000'])).toBe(9000)
    expect(portOf(['--port=65535'])).toBe(65_535)
  })

  test.for([
    ['--port', '0'],
    ['--port', '65536'],
    ['--port', '1e3'],
    ['--port'],
    ['--prot', '1'],
    ['x'],
  ])('refuses %j with the usage', args => {
    expect(() => portOf(args)).toThrow(
      expect.objectContaining({code: 'USAGE', hint: 'usage: npm start -- [--port <number>]'}),
    )
  })
})

describe('freePort', () => {
  test('passes over a port that somebody listens on', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const taken = address !== null && typeof address === 'object' ? address.port : 0
    try {
      expect(await freePort(taken)).toBeGreaterThan(taken)
    } finally {
      server.close()
    }
  })
})

describe('reporters', () => {
  test('asks for the JSON report only when a file is named', () => {
    expect(reporters({})).toEqual([])
    expect(reporters({DOCKER_MCP_TEST_REPORT: '/tmp/r.json'})).toEqual([
      '--reporter=default',
      '--reporter=json',
      '--outputFile.json=/tmp/r.json',
    ])
  })
})
