import type {ContainerSpec} from '../../src/lib/model/server.ts'
import {fixtureImage, type Fixture} from './fixture-images.ts'

/** A server in a container without network, of whose entry nothing else is said. */
export function plainSpec(
  given: Pick<ContainerSpec, 'name' | 'image'> & Partial<ContainerSpec>,
): ContainerSpec {
  return {
    kind: 'container',
    command: [],
    env: [],
    volumes: [],
    network: {kind: 'none', rules: [], extraHosts: [], connectTo: []},
    security: {profile: undefined, readOnly: undefined, capAdd: [], tmpfs: []},
    longLived: false,
    ephemeral: false,
    limits: {},
    requiredConfig: [],
    secrets: [],
    secretNames: [],
    ...given,
  }
}

/** The same for a fixture server, which is called what it is. */
export async function fixtureSpec(
  fixture: Fixture,
  more: Partial<ContainerSpec> = {},
): Promise<ContainerSpec> {
  return plainSpec({name: fixture, image: await fixtureImage(fixture), ...more})
}
