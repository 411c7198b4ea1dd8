import {Args, Flags} from '@oclif/core'
import {createFrom} from '../../lib/catalog/create.ts'
import {PluginCommand, serverRefInput} from '../../lib/command.ts'
import {profilesInput} from '../../lib/profile-door.ts'
import {catalogOfProfile} from '../../lib/profile/to-catalog.ts'

const OTHERS = ['server', 'from-profile', 'from-legacy-catalog', 'from-community-registry'] as const

const source = (flag: {summary: string; helpValue: string; name: (typeof OTHERS)[number]}) =>
  Flags.string({
    summary: flag.summary,
    helpValue: flag.helpValue,
    exclusive: OTHERS.filter(each => each !== flag.name),
  })

const registryAlone = {dependsOn: ['from-community-registry']}

export default class CatalogCreate extends PluginCommand {
  static override summary = 'make a catalog of your own'
  static override description =
    'It is empty, or has the servers that are named. A catalog that is called by an OCI reference can be pushed, and replaces one of that name.'
  static override examples = [
    '<%= config.bin %> catalog create mine',
    '<%= config.bin %> catalog create org/team --server catalog://docker-mcp/time+fetch',
    '<%= config.bin %> catalog create all --from-community-registry registry.example.com',
  ]
  static override args = {
    catalog: Args.string({description: 'a plain name or an OCI reference', required: true}),
  }
  static override flags = {
    title: Flags.string({summary: 'how people call it', helpValue: '<text>'}),
    server: Flags.string({
      summary: 'a server that is in it; can be given more than once',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: '<uri>',
    }),
    'from-profile': source({
      name: 'from-profile',
      summary: 'take the servers of a profile',
      helpValue: '<id>',
    }),
    'from-legacy-catalog': source({
      name: 'from-legacy-catalog',
      summary: 'copy a catalog file, or one at an address',
      helpValue: '<file or address>',
    }),
    'from-community-registry': source({
      name: 'from-community-registry',
      summary: 'take all servers of a registry that can run here',
      helpValue: '<host>',
    }),
    exclude: Flags.string({
      summary: 'a server of the registry that is left out; can be given more than once',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: '<server>',
      ...registryAlone,
    }),
    'include-npm': Flags.boolean({
      summary: 'packages of npm in the registry, too',
      hidden: true,
      ...registryAlone,
    }),
    'include-pypi': Flags.boolean({
      summary: 'packages of PyPI in the registry, too',
      hidden: true,
      ...registryAlone,
    }),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CatalogCreate)
    const {io} = this.app
    const head = {name: args.catalog, title: flags.title}
    const profile = flags['from-profile']
    if (profile !== undefined) return this.#fromProfile(head, profile)
    const {name, notices} = await createFrom(serverRefInput(this.app), head, {
      servers: flags.server ?? [],
      legacyCatalog: flags['from-legacy-catalog'],
      registry: flags['from-community-registry'],
      exclude: flags.exclude ?? [],
      includeNpm: flags['include-npm'],
      includePypi: flags['include-pypi'],
    })
    for (const line of notices) io.err(`${line}\n`)
    io.out(`Catalog ${name} created\n`)
  }

  async #fromProfile(head: {name: string; title: string | undefined}, id: string): Promise<void> {
    const {io} = this.app
    const {name, missing} = await catalogOfProfile(await profilesInput(this.app), head, id)
    for (const server of missing) io.err(`! left out: no catalog has a server named "${server}"\n`)
    io.out(`Catalog ${name} created\n`)
  }
}
