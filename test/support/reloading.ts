import {vi} from 'vitest'
import type {GatewayOptions} from '../../src/lib/gateway/setup.ts'
import {fixtureCatalog, type FixtureCatalog, type FixtureEntry} from './fixture-images.ts'
import {
  startGateway,
  type TestClient,
  type TestGateway,
  testHome,
  type TestHome,
  testOptions,
} from './in-process-gateway.ts'

/** What is configured for a gateway: servers by name, and any options besides. */
export interface Configuration {
  readonly servers: Readonly<Record<string, FixtureEntry>>
  readonly secrets?: Readonly<Record<string, string>>
  readonly options?: Partial<Omit<GatewayOptions, 'secrets' | 'servers'>>
}

/** A gateway in this process whose configuration a test can replace. */
export class ReloadingGateway implements AsyncDisposable {
  readonly home: TestHome
  readonly setup: TestGateway
  readonly #catalogs: FixtureCatalog[]

  private constructor(home: TestHome, setup: TestGateway, catalog: FixtureCatalog) {
    this.home = home
    this.setup = setup
    this.#catalogs = [catalog]
  }

  static async start(configuration: Configuration): Promise<ReloadingGateway> {
    const home = await testHome()
    const catalog = await fixtureCatalog(configuration.servers)
    const options = await optionsOf(home, catalog, configuration)
    return new ReloadingGateway(home, await startGateway(home, options), catalog)
  }

  /** Writes down what is configured from now on. @returns the options that a reload is given */
  async configure(configuration: Configuration): Promise<GatewayOptions> {
    const catalog = await fixtureCatalog(configuration.servers)
    this.#catalogs.push(catalog)
    return optionsOf(this.home, catalog, configuration)
  }

  async reload(configuration: Configuration) {
    return this.setup.reload(await this.configure(configuration))
  }

  /** The ids of the containers of a server, in no order. */
  async idsOf(server: string): Promise<readonly string[]> {
    const all = await this.setup.containers()
    return all.filter(({labels}) => labels['docker-mcp-name'] === server).map(({id}) => id)
  }

  /** Waits until a server has one container. @returns its id */
  async idOf(server: string): Promise<string> {
    return vi.waitFor(
      async () => {
        const [id, ...others] = await this.idsOf(server)
        if (id === undefined || others.length > 0)
          throw new Error(`${server} has not one container`)
        return id
      },
      {timeout: 60_000},
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.setup[Symbol.asyncDispose]()
    for (const catalog of this.#catalogs) await catalog[Symbol.asyncDispose]()
    await this.home[Symbol.asyncDispose]()
  }
}

function optionsOf(
  home: TestHome,
  catalog: FixtureCatalog,
  {servers, secrets = {}, options = {}}: Configuration,
): Promise<GatewayOptions> {
  const names = Object.keys(servers)
  return testOptions(home, {...options, servers: names, catalog: catalog.file, secrets})
}

/** The lists of which a client was told that they have changed, in the order in which it was. */
export function changesTold({received}: TestClient): readonly string[] {
  return received.flatMap(({method}) => {
    const [, kind, what] = typeof method === 'string' ? method.split('/') : []
    return kind !== undefined && what === 'list_changed' ? [kind] : []
  })
}

/** The names in a list, as a client sees them. */
export async function namesIn(
  client: TestClient,
  kind: 'prompts' | 'resources' | 'tools',
): Promise<readonly unknown[]> {
  const listed = (await client.request(`${kind}/list`))[kind]
  return (Array.isArray(listed) ? listed : []).map(item => Object(item)['name'])
}
