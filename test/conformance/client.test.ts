import {describe, expect, test} from 'vitest'
import {runClientScenario} from '../support/client-leg.ts'
import {CLIENT_SCENARIOS, titleOf} from './client-scenarios.ts'

describe('the reference client by itself passes', () => {
  test.for(CLIENT_SCENARIOS.map(row => [titleOf(row), row] as const))('%s', async ([, row]) => {
    const {checks, exitCode} = await runClientScenario(row)
    const others = checks.filter(check => !check.endsWith(' SUCCESS'))
    expect({passed: checks.length - others.length, others, exitCode}).toEqual({
      passed: row.passed,
      others: row.others ?? [],
      exitCode: 0,
    })
  })
})
