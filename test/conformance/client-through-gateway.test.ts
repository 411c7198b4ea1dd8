import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {runClientScenario} from '../support/client-leg.ts'
import {differences} from '../support/conformance-suite.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {CLIENT_SCENARIOS, titleOf} from './client-scenarios.ts'

let cli: DockerCli

beforeAll(async () => {
  cli = await dockerCli()
})
afterAll(() => cli?.[Symbol.asyncDispose]())

describe('through the gateway every check of the client comes out the same', () => {
  test.for(CLIENT_SCENARIOS.map(row => [titleOf(row), row] as const))('%s', async ([, row]) => {
    const direct = await runClientScenario(row)
    const through = await runClientScenario(row, cli)
    expect(differences(direct.checks, through.checks)).toEqual([])
    expect(through.exitCode).toBe(direct.exitCode)
  })
})
