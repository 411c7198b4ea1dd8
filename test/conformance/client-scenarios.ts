import type {ClientScenario} from '../support/client-leg.ts'

/** A scenario for clients and what comes out when the reference client speaks to the suite itself. */
export interface ExpectedScenario extends ClientScenario {
  /** How many checks pass. */
  readonly passed: number
  /** The checks that do not pass. */
  readonly others?: readonly string[]
}

const NOT_EXERCISED = (method: string) =>
  `http-standard-headers: sep-2243-client-includes-standard-headers SKIPPED (Client did not send a ${method} request; Mcp-Method header was not exercised for this method.)`

/** All scenarios for clients but those of authorization. */
export const CLIENT_SCENARIOS: readonly ExpectedScenario[] = [
  {
    scenario: 'initialize',
    passed: 1,
    // What the suite calls itself.
    others: ['initialize: server-info INFO'],
  },
  {scenario: 'tools_call', version: '2025-11-25', passed: 2},
  {scenario: 'tools_call', version: '2026-07-28', passed: 2},
  {scenario: 'elicitation-sep1034-client-defaults', passed: 5},
  {scenario: 'sse-retry', passed: 3},
  {scenario: 'request-metadata', passed: 8},
  {scenario: 'sep-2322-client-request-state', passed: 5},
  {
    scenario: 'http-standard-headers',
    passed: 9,
    // There is no such request in the revision that the scenario is of.
    others: [NOT_EXERCISED('initialize'), NOT_EXERCISED('notifications/initialized')],
  },
  {scenario: 'http-custom-headers', passed: 18},
  {scenario: 'http-invalid-tool-headers', passed: 12},
  {scenario: 'json-schema-ref-no-deref', passed: 1},
  {scenario: 'json-schema-2020-12-preservation', version: '2025-11-25', passed: 9},
  {scenario: 'json-schema-2020-12-preservation', version: '2026-07-28', passed: 9},
  {scenario: 'sep-2640-client-no-prefetch', passed: 1},
  {scenario: 'sep-2640-client-verify-digest', passed: 1},
  {scenario: 'sep-2640-client-verify-size', passed: 1},
  {scenario: 'sep-2640-client-verify-frontmatter', passed: 1},
]

/** What a scenario is called in the titles of tests. */
export function titleOf({scenario, version}: ClientScenario): string {
  return version === undefined ? scenario : `${scenario} of ${version}`
}
