import type {JsonObject} from '../../src/lib/base/json.ts'
import {Scope} from '../../src/lib/base/scope.ts'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {report} from '../process.ts'
import {processorOf} from './container-processor.ts'
import {converse, type Conversation} from './conversation.ts'
import {median, verdict} from './figures.ts'
import {bareWay, gatewayWay, type Way} from './isolated.ts'
import {compareRounds, figuresOf, inRounds} from './rounds.ts'

const CALL_ROUNDS = 45
const START_GOAL = {most: 1.1}
const START_MS_GOAL = {most: 70}
const CALL_GOAL = {most: 1.05}
/** Where nobody is: that there is a relay is what counts. */
const ALLOWED = ['api.example.com:443']

/** A server, and how much of it is measured. */
export interface Sample {
  readonly name: string
  readonly image: string
  readonly startRounds: number
  readonly callsEach: number
  readonly call: readonly [tool: string, args: JsonObject]
}

/** Servers of the gateway, and the containers without isolation that each is compared with. */
const COMPARED: readonly (readonly [name: string, reference: string])[] = [
  ['no network', 'bare, disabled'],
  ['no network, strict', 'bare, disabled'],
  ['bridge', 'bare, bridge'],
  ['allowed hosts', 'bare, none'],
  ['allowed hosts', 'bare, bridge'],
]

/** The ways to start a server that are compared. */
export function comparedWays(engine: Engine, image: string): readonly Way[] {
  return [
    bareWay(engine, 'bare, disabled', {image, network: 'disabled'}),
    bareWay(engine, 'bare, none', {image, network: 'none'}),
    bareWay(engine, 'bare, bridge', {image, network: 'bridge'}),
    gatewayWay(engine, 'no network', {image, disableNetwork: true}),
    gatewayWay(engine, 'no network, strict', {image, disableNetwork: true, security: 'strict'}),
    gatewayWay(engine, 'bridge', {image}),
    gatewayWay(engine, 'allowed hosts', {image, allowHosts: ALLOWED}),
  ]
}

/** Above the rows of `startRows`. */
export const START_HEAD = [
  'SERVER',
  'START',
  'MS',
  'AGAINST',
  'MS',
  'MORE MS',
  'GOAL',
  'RATIO',
  'GOAL',
]

/** How long a server takes from the wish for it to its answer to `initialize`. */
export async function startRows(sample: Sample, ways: readonly Way[]): Promise<string[][]> {
  report(`bench: starts of ${sample.name}`)
  const things = ways.map(way => ({name: way.name, measure: () => startMs(way)}))
  // The first ones find files that nobody has read yet, and the compiler cold.
  await inRounds(1, things)
  const found = await inRounds(sample.startRounds, things)
  return COMPARED.map(([name, reference]) => {
    const {ours, reference: least, more, ratio} = compareRounds(found, name, reference)
    const figures = [ours.toFixed(0), reference, least.toFixed(0)]
    const inMs = [more.toFixed(0), verdict(more, START_MS_GOAL)]
    return [sample.name, name, ...figures, ...inMs, ratio.toFixed(2), verdict(ratio, START_GOAL)]
  })
}

/** Starts a server once, in milliseconds. */
export async function startMs(way: Way): Promise<number> {
  await using conversation = await converse(way)
  return conversation.startMs
}

/** What a call took, in the middle of many. */
interface Calls {
  readonly p50Us: number
  /** Of this process, and of all programs in the container. */
  readonly processorUs: number
}

/** What is read from calls. */
export const FIGURES = [
  {figure: 'p50 µs', of: ({p50Us}: Calls) => p50Us},
  {figure: 'processor µs', of: ({processorUs}: Calls) => processorUs},
]

/** Above the rows of `callRows`. */
export const CALL_HEAD = ['SERVER', 'CALL', 'FIGURE', '', 'AGAINST', '', 'RATIO', 'GOAL']

/** What a small call takes. */
export async function callRows(
  engine: Engine,
  sample: Sample,
  ways: readonly Way[],
): Promise<string[][]> {
  report(`bench: calls of ${sample.name}`)
  const found = await calls(engine, ways, sample)
  return COMPARED.flatMap(([name, reference]) =>
    FIGURES.map(({figure, of}) => {
      const compared = compareRounds(figuresOf(found, of), name, reference)
      const {ours, reference: least, ratio} = compared
      const shown = [ours.toFixed(0), reference, least.toFixed(0), ratio.toFixed(2)]
      return [sample.name, name, figure, ...shown, verdict(ratio, CALL_GOAL)]
    }),
  )
}

/** Starts a server in each way and calls all of them in turns, one call after the other. */
export async function calls(
  engine: Engine,
  ways: readonly Way[],
  {call, callsEach}: Pick<Sample, 'call' | 'callsEach'>,
): Promise<ReadonlyMap<string, readonly Calls[]>> {
  await using scope = new Scope()
  const things: {name: string; measure: () => Promise<Calls>}[] = []
  for (const way of ways) {
    const conversation = scope.use(await converse(way))
    const containerMs = await processorOf(engine, conversation.session)
    const measure = () => measured(conversation, {call, callsEach, containerMs})
    things.push({name: way.name, measure})
  }
  // Until then, what is measured is the compiler.
  await inRounds(2, things)
  // Awaited here: the scope ends with the function.
  return await inRounds(CALL_ROUNDS, things)
}

async function measured(
  conversation: Conversation,
  {
    call,
    callsEach,
    containerMs,
  }: Pick<Sample, 'call' | 'callsEach'> & {readonly containerMs: () => Promise<number>},
): Promise<Calls> {
  const times: number[] = []
  const before = await containerMs()
  const own = process.cpuUsage()
  for (let count = 0; count < callsEach; count += 1) {
    const started = performance.now()
    await conversation.call(...call)
    times.push(performance.now() - started)
  }
  const {user, system} = process.cpuUsage(own)
  const inContainer = (await containerMs()) - before
  return {
    p50Us: median(times) * 1000,
    processorUs: (user + system + inContainer * 1000) / callsEach,
  }
}
