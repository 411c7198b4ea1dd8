import {randomBytes} from 'node:crypto'
import {createEgress, type Egress} from '../../egress/egress.ts'
import type {Engine} from '../../engine/engine.ts'
import {containerName} from '../../engine/options.ts'
import type {LaunchInput, Mould} from './launch.ts'
import {namedAddresses} from './network.ts'
import {parkContainer, type ParkedContainer} from './parked.ts'
import type {Connect} from './stream-agent.ts'
import {waysOf} from './ways.ts'

/** How many random bytes tell the containers of one server apart by name. */
const NAME_BYTES = 3

/** A container of a server, with the ways in and out of it: all is there but the program. */
export interface ParkedServer {
  /** The mould's. */
  readonly key: string | undefined
  readonly container: ParkedContainer
  /** The way in, for a server that speaks HTTP. */
  readonly connect: (port: number, ...rest: Parameters<Connect>) => ReturnType<Connect>
}

/**
 * Makes a container of a mould, as far as it can be before its program runs.
 * @throws as `parkContainer` and `namedAddresses` do; then nothing is left behind
 */
export async function parkServer(
  input: LaunchInput,
  {engine, mould}: {readonly engine: Engine; readonly mould: Mould},
  signal: AbortSignal,
): Promise<ParkedServer> {
  const {owner, notify, housekeeping, lives} = input
  const {key, spec, plan, architecture, diskBytes} = mould
  const name = containerName(spec.name, randomBytes(NAME_BYTES).toString('hex'))
  const egress = await egressOf(mould, input, engine, signal)
  const ways = waysOf({engine, owner, notify, housekeeping, spec, plan, name, egress, architecture})
  const made = {
    name,
    options: mould.options(name),
    diskBytes,
    ...ways.steps,
    life: lives.of(spec.name),
  }
  return {key, container: await parkContainer(engine, made, signal), connect: ways.connect}
}

async function egressOf(
  {spec, plan}: Mould,
  {notify, debugDns, redaction}: LaunchInput,
  engine: Engine,
  signal: AbortSignal,
): Promise<Egress | undefined> {
  if (plan.egress === undefined) return undefined
  // What a program asks for may be a secret itself; names are told in lower case.
  const tell = (line: string) => redaction.maskNames(line)
  return createEgress({
    server: spec.name,
    rules: plan.egress,
    pins: await namedAddresses(spec, engine, signal),
    onDenied: line => notify(tell(line)),
    ...(debugDns && {onAllowed: line => notify(`- ${tell(line)}`)}),
  })
}
