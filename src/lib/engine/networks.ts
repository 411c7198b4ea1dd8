import * as z from 'zod'
import {createAnswer, membersAnswer, networkAnswer, networksAnswer} from './answers.ts'
import {labelFilter, pathOf} from './api-path.ts'
import {type Connection, expectAnswer, reasonOf} from './connection.ts'
import type {NetworkFacts, NetworkOptions} from './engine.ts'

interface Membership {
  readonly network: string
  readonly container: string
}

/** `POST /networks/create`, see {@link Engine.createNetwork}. */
export async function createNetwork(
  connection: Connection,
  {name, labels, internal, options}: NetworkOptions,
  signal?: AbortSignal,
): Promise<string> {
  signal?.throwIfAborted()
  // Not given to the request: one that is cut off may still make a network, whose id nobody would know.
  const answer = await connection.ask({
    method: 'POST',
    path: '/networks/create',
    // Without the check, older engines make a second network of the same name.
    body: {
      Name: name,
      CheckDuplicate: true,
      Driver: 'bridge',
      Internal: internal,
      Options: options,
      Labels: labels,
    },
  })
  const id = expectAnswer(answer, createAnswer, `create the network ${name}`)
  if (signal?.aborted) {
    await removeNetwork(connection, id)
    signal.throwIfAborted()
  }
  return id
}

/** `POST /networks/{id}/connect`. */
export async function connectNetwork(
  connection: Connection,
  {network, container}: Membership,
  signal?: AbortSignal,
): Promise<void> {
  const answer = await connection.ask({
    method: 'POST',
    path: `/networks/${pathOf(network)}/connect`,
    body: {Container: container},
    signal,
  })
  expectAnswer(answer, z.unknown(), `put the container on the network ${network}`)
}

/** `POST /networks/{id}/disconnect`; what is not there or not connected is off already. */
export async function disconnectNetwork(
  connection: Connection,
  {network, container}: Membership,
): Promise<void> {
  const answer = await connection.ask({
    method: 'POST',
    path: `/networks/${pathOf(network)}/disconnect`,
    body: {Container: container, Force: true},
  })
  const isOff = answer.status === 404 || reasonOf(answer).includes('is not connected to')
  if (!isOff) {
    expectAnswer(answer, z.unknown(), `take the container off the network ${network}`)
  }
}

/** `DELETE /networks/{id}`. */
export async function removeNetwork(connection: Connection, id: string): Promise<void> {
  const answer = await connection.ask({method: 'DELETE', path: `/networks/${pathOf(id)}`})
  if (answer.status !== 404) expectAnswer(answer, z.unknown(), `remove the network ${id}`)
}

/** `GET /networks`, of bridge networks and all others. */
export async function listNetworks(
  connection: Connection,
  labels: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<readonly NetworkFacts[]> {
  const query = labelFilter(labels)
  const answer = await connection.ask({method: 'GET', path: '/networks', query, signal})
  return expectAnswer(answer, networksAnswer, 'list its networks')
}

/** `GET /networks/{id}`: who is on it. */
export async function networkMembers(
  connection: Connection,
  id: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const answer = await connection.ask({method: 'GET', path: `/networks/${pathOf(id)}`, signal})
  return answer.status === 404 ? [] : expectAnswer(answer, membersAnswer, 'describe the network')
}

/** `GET /networks/bridge`: the address that the engine's own host has on docker's default network. */
export async function bridgeGateway(
  connection: Connection,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const answer = await connection.ask({method: 'GET', path: '/networks/bridge', signal})
  if (answer.status === 404) return undefined
  const {IPAM: addresses} = expectAnswer(answer, networkAnswer, 'describe its default network')
  const [first] = addresses?.Config ?? []
  return first?.Gateway || firstAddressOf(first?.Subnet ?? '')
}

/** Older engines do not tell it when they chose it themselves: then it is the first of the network. */
function firstAddressOf(subnet: string): string | undefined {
  const [, network, last] = /^(\d+\.\d+\.\d+)\.(\d+)\/\d+$/.exec(subnet) ?? []
  return network === undefined ? undefined : `${network}.${Number(last) + 1}`
}
