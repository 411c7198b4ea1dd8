import {join} from 'node:path'
import {findingsOf, type Findings} from './conformance-suite.ts'
import type {DockerCli} from './docker-cli.ts'

const FIXTURES = join(import.meta.dirname, '..', 'fixtures')
const CLIENT = join(FIXTURES, 'conformance-client.ts')
const BEHIND_GATEWAY = join(FIXTURES, 'behind-gateway.ts')
/** The suite gives its client this long: a gateway starts in it, too. */
const TIMEOUT_MS = '120000'

/** A scenario for clients, at one revision of the protocol where it is for several. */
export interface ClientScenario {
  readonly scenario: string
  readonly version?: '2025-11-25' | '2026-07-28'
}

/**
 * Runs one scenario with this project's reference client: the suite is the server. Scenarios are run one by one,
 * since a suite starts all of its clients at once.
 * @param cli whose gateway is put between the client and the suite; without it they speak to each other
 */
export function runClientScenario(
  {scenario, version}: ClientScenario,
  cli?: DockerCli,
): Promise<Findings> {
  const client = [process.execPath, ...(cli ? [BEHIND_GATEWAY] : []), CLIENT]
  const options = ['--command', client.join(' '), '--scenario', scenario, '--timeout', TIMEOUT_MS]
  const revision = version ? ['--spec-version', version] : []
  return findingsOf('conformance', ['client', ...options, ...revision], cli?.env)
}
