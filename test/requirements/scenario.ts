import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {withDeadline} from '../../src/lib/base/async.ts'
import type {JsonObject} from '../../src/lib/base/json.ts'
import {LabClient, type LabHello} from '../support/lab-client.ts'
import {HttpWire} from '../support/raw-wires.ts'
import type {World, WorldKind} from '../support/worlds.ts'
import type {RequirementId} from './manifest.ts'

/** One side of a scenario: a person with a client, or two in a row. */
export interface Party {
  /** What tells this party from another one that does the same at the same time. */
  readonly who: string
  readonly world: World
  /** Opens a session. With two parties, both have theirs before either goes on. */
  readonly open: (hello?: LabHello) => Promise<LabClient>
}

/** A conversation that shows that requirements are met. */
export interface Scenario {
  readonly title: string
  readonly verifies: readonly RequirementId[]
  /** The worlds that it can be told in: all, unless it is about HTTP or about what only a gateway does. */
  readonly where: (kind: WorldKind) => boolean
  readonly run: (party: Party) => Promise<void>
}

/** Makes a scenario of every world. */
export function scenario(
  title: string,
  verifies: readonly RequirementId[],
  run: Scenario['run'],
  where: Scenario['where'] = () => true,
): Scenario {
  return {title, verifies, run, where}
}

/** What only a gateway does, or what it does otherwise for a reason. */
export const throughGateway: Scenario['where'] = ({isGateway}) => isGateway
/** What is about HTTP streams and sessions. */
export const overHttp: Scenario['where'] = ({client}) => client === 'http'
/** What only a server over HTTP says: which request a message belongs to. */
export const overHttpAllTheWay: Scenario['where'] = ({client, server}) =>
  client === 'http' && server === 'http'

/** The connection of a client over HTTP. @throws Error for a client of another kind */
export function httpWire({wire}: LabClient): HttpWire {
  if (wire instanceof HttpWire) return wire
  throw new Error('not over HTTP')
}

/** A scenario that waits for what never comes must say what came, before the test's own limit. */
const LONGEST_MS = 240_000

/** Runs scenarios in a world, each with one session and with two at the same time. */
export function runScenarios(
  name: string,
  kind: WorldKind & {readonly make: () => Promise<World>},
  scenarios: readonly Scenario[],
): void {
  const told = scenarios.filter(({where}) => where(kind))
  describe.each([name])('%s', () => {
    let made: World | undefined
    beforeAll(async () => {
      made = await kind.make()
    })
    afterAll(() => made?.[Symbol.asyncDispose]())
    const world = () => {
      if (!made) throw new Error('there is no world')
      return made
    }
    describe.each([
      ['one session', ['ann']],
      ['two sessions', ['ann', 'bob']],
    ])('%s', (_sessions, parties) => {
      test.for(told)('$title', async each => {
        const {foreign, transcripts} = await runScenario(world(), each, parties)
        expect(foreign).toEqual([])
        for (const transcript of transcripts) expect(transcript).toEqual(transcripts[0])
      })
    })
  })
}

/** What has arrived when everybody is through. */
interface Outcome {
  /** Messages that belong to somebody else. */
  readonly foreign: readonly JsonObject[]
  /** What each party has seen in each of its sessions. */
  readonly transcripts: readonly (readonly (readonly string[])[])[]
}

async function runScenario(
  world: World,
  each: Scenario,
  names: readonly string[],
): Promise<Outcome> {
  await using parties = new Parties(world, names)
  const told = Promise.all(names.map(who => each.run(parties.party(who))))
  await withDeadline(told, LONGEST_MS, () => parties.unfinished())
  return parties.outcome
}

/** The parties of one run, with all the sessions that they open. */
class Parties implements AsyncDisposable {
  readonly #world: World
  readonly #clients: ReadonlyMap<string, LabClient[]>
  readonly #opened: {count: number; readonly all: PromiseWithResolvers<void>}[] = []

  constructor(world: World, names: readonly string[]) {
    this.#world = world
    this.#clients = new Map(names.map(who => [who, []]))
  }

  party(who: string): Party {
    return {who, world: this.#world, open: hello => this.#open(who, hello)}
  }

  get outcome(): Outcome {
    const all = [...this.#clients.values()]
    return {
      foreign: all.flat().flatMap(({foreign}) => foreign),
      transcripts: all.map(clients => clients.map(({transcript}) => transcript)),
    }
  }

  unfinished(): Error {
    const arrived = [...this.#clients.values()]
      .flat()
      .map(({who, arrived: {items}}) => ({who, items}))
    return new Error(`still waiting; this has arrived: ${JSON.stringify(arrived)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#clients.values()].flat()
    await Promise.all(all.map(client => client[Symbol.asyncDispose]()))
  }

  async #open(who: string, hello?: LabHello): Promise<LabClient> {
    const own = this.#clients.get(who) ?? []
    const client = new LabClient(who, deliver => this.#world.connect(deliver))
    const turn = own.push(client) - 1
    await client.initialize(hello)
    await this.#everybody(turn)
    return client
  }

  /** Settles when every party has its session number `turn`. */
  async #everybody(turn: number): Promise<void> {
    const opened = (this.#opened[turn] ??= {count: 0, all: Promise.withResolvers<void>()})
    opened.count += 1
    if (opened.count === this.#clients.size) opened.all.resolve()
    await opened.all.promise
  }
}
