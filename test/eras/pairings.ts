import {expect} from 'vitest'
import type {Era} from '../../src/lib/gateway/bridge/eras.ts'
import {Refusal} from '../support/era-client.ts'
import {openClient, type EraWorld} from './era-world.ts'
import {FEATURES, ToolFailure, type Feature} from './features.ts'

/** A client of an era with a server of an era. */
export interface Pairing {
  readonly client: Era
  readonly server: Era
}

/** In the order of the table's columns. */
export const PAIRINGS: readonly Pairing[] = [
  {client: 'legacy', server: 'legacy'},
  {client: 'legacy', server: 'modern'},
  {client: 'modern', server: 'legacy'},
  {client: 'modern', server: 'modern'},
]

/** What comes out of a feature: it works, its tool says that it failed, or an error has this code. */
export type Outcome = 'works' | 'tool error' | `error ${number}`

/**
 * What is to come out. A server does not ask for what its client has not declared: one of the legacy era does what it
 * can without an answer, one of the modern era has an error for it (MCP 2026-07-28, MissingRequiredClientCapability).
 */
function expectedOutcome({name}: Feature, {server}: Pairing): Outcome {
  if (name !== 'a question that the client did not declare') return 'works'
  return server === 'modern' ? 'error -32021' : 'tool error'
}

/** Uses a feature with a client of its own, and compares what comes out with what is expected. */
export async function expectOutcome(
  feature: Feature,
  pairing: Pairing,
  world: EraWorld,
): Promise<void> {
  const expected = expectedOutcome(feature, pairing)
  await using client = await openClient(pairing.client, world.url, feature.answers ?? {})
  try {
    await feature.run(client, world)
  } catch (error) {
    // One that was not expected says more than its code.
    if (outcomeOf(error) !== expected) throw error
    return
  }
  expect('works').toBe(expected)
}

function outcomeOf(error: unknown): Outcome | undefined {
  if (error instanceof ToolFailure) return 'tool error'
  return error instanceof Refusal ? `error ${Number(error.code)}` : undefined
}

/** The table of docs/protocol.md, as Markdown that is aligned. */
export function pairingsTable(): string {
  const head = PAIRINGS.map(({client, server}) => `${client} client, ${server} server`)
  const rows = FEATURES.map(feature => [
    feature.name,
    ...PAIRINGS.map(pairing => expectedOutcome(feature, pairing).replace('-', '−')),
  ])
  const lines = [['', ...head], ...rows]
  const widths = ['', ...head].map((_, at) => Math.max(...lines.map(line => line[at]?.length ?? 0)))
  const [first = '', ...rest] = lines.map(
    line => `| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`,
  )
  const rule = `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`
  return [first, rule, ...rest].join('\n')
}
