import {randomUUID} from 'node:crypto'

import {stringify} from 'yaml'

import {buildSamples} from '../../scripts/samples.ts'
import type {DockerCli} from './docker-cli.ts'

/** A catalog entry of a server that speaks over stdio in a container. */
export interface TestEntry {
  readonly image: string
  readonly startTimeout?: number
  readonly prefix?: string
  readonly command?: readonly string[]
  readonly disableNetwork?: boolean
  readonly description?: string
  readonly secrets?: readonly {readonly name: string; readonly env: string}[]
}

/** Gives the cli a second catalog, named `test`, with these servers. */
export async function addCatalog(
  cli: DockerCli,
  servers: Readonly<Record<string, TestEntry>>,
): Promise<void> {
  const registry = Object.fromEntries(
    Object.entries(servers).map(([name, entry]) => [
      name,
      {title: `Test ${name}`, description: 'A server of a test.', type: 'server', ...entry},
    ]),
  )
  await cli.write('catalogs/test.yaml', stringify({version: 3, name: 'test', registry}))
  await cli.write('catalog.json', JSON.stringify({catalogs: {test: {displayName: 'Test'}}}))
}

/** A name that no other test's servers have, so that the engine's events of one are its own. */
export function uniqueName(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`
}

/** The image of a sample server. */
export async function sampleImage(name: string): Promise<string> {
  const samples = await buildSamples(() => undefined)
  const sample = samples.find(one => one.name === name)
  if (!sample) throw new Error(`there is no sample ${name}`)
  return sample.image
}
