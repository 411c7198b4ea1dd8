import {Args, Flags} from '@oclif/core'
import type {App} from '../../lib/app.ts'
import {PluginError} from '../../lib/base/errors.ts'
import {oneLine} from '../../lib/base/one-line.ts'
import {
  clientFlags,
  clientsMeant,
  forEachClient,
  launchFor,
  lossLines,
  scopeOf,
  siteOf,
} from '../../lib/client-door.ts'
import type {Client} from '../../lib/clients/client.ts'
import {connectClient, planConnect} from '../../lib/clients/connect.ts'
import {diffOf} from '../../lib/clients/diff.ts'
import {gordonCommand, setGordon} from '../../lib/clients/gordon.ts'
import {shownAddress} from '../../lib/clients/listing.ts'
import {oursIn, printedEntry, TOKEN_SHOWN} from '../../lib/clients/print.ts'
import {projectRoot} from '../../lib/clients/locate.ts'
import {remoteGateway} from '../../lib/clients/remote.ts'
import {
  placeOf,
  placeToShow,
  type ClientScope,
  type FoundPlace,
  type Site,
} from '../../lib/clients/target.ts'
import type {Gateway} from '../../lib/clients/wanted.ts'
import {PluginCommand} from '../../lib/command.ts'
import {stdinText} from '../../lib/input-text.ts'
import {profilesInput} from '../../lib/profile-door.ts'
import {storedProfile} from '../../lib/profile/choice.ts'

interface Wish {
  readonly app: App
  readonly scope: ClientScope
  readonly site: Site
  readonly profile?: string | undefined
  /** Undefined for what the client has. */
  readonly background?: boolean | undefined
  readonly url?: string | undefined
  readonly token?: string | undefined
  readonly 'token-env'?: string | undefined
  readonly quiet: boolean
}

export default class ClientConnect extends PluginCommand {
  static override summary = 'connect an AI client to the gateway'
  static override description =
    'Writes one entry into the client’s file and changes nothing else in it. Without --profile an entry that names one keeps it; a new one names none, and the gateway takes the profile that is in use when it starts.'
  static override examples = [
    '<%= config.bin %> client connect cursor --global',
    '<%= config.bin %> client connect vscode --profile dev',
    '<%= config.bin %> client connect --all',
    '<%= config.bin %> client connect zed -g --url http://127.0.0.1:8080/mcp',
    {
      description: 'all of them share one gateway, which runs in the background',
      command: '<%= config.bin %> client connect --all --background',
    },
    '<%= config.bin %> client connect zed -g --dry-run',
  ]
  static override args = {
    client: Args.string({description: 'a client, see: docker mcp client ls'}),
  }
  static override flags = {
    ...clientFlags,
    profile: Flags.string({
      char: 'p',
      summary: 'the profile of the gateway (default: the one in use, or that of the entry)',
      helpValue: '<id>',
    }),
    background: Flags.boolean({
      summary:
        'the gateway in the background; --no-background for one of its own (default: as it is)',
      allowNo: true,
      exclusive: ['url'],
    }),
    url: Flags.string({
      summary: 'a gateway that runs already, instead of one that the client starts',
      helpValue: '<url>',
    }),
    token: Flags.string({
      summary:
        'the token of that gateway; it is written into the client’s file; - reads it from stdin',
      dependsOn: ['url'],
      helpValue: '<token>',
    }),
    'token-env': Flags.string({
      summary: 'the variable that has the token when the client runs, instead of the token',
      dependsOn: ['url'],
      helpValue: '<name>',
    }),
    print: Flags.boolean({summary: 'print what to put into the file by hand, and write nothing'}),
    'dry-run': Flags.boolean({summary: 'print what would change, and write nothing'}),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ClientConnect)
    const {app} = this
    const scope = scopeOf(app, flags)
    const site = await siteOf(app, scope)
    const clients = clientsMeant(site, {name: args.client, all: flags.all})
    if (flags.url !== undefined && flags.profile !== undefined) {
      throw new PluginError('USAGE', '--profile and --url exclude each other', {
        hint: 'a gateway that runs has its profile already',
      })
    }
    // Not by the flags themselves, whose error would have the token in it.
    if (flags.token !== undefined && flags['token-env'] !== undefined) {
      throw new PluginError('USAGE', '--token and --token-env exclude each other')
    }
    if (flags.profile !== undefined) await storedProfile(await profilesInput(app), flags.profile)
    const token = flags.token === '-' ? (await stdinText(app)).text.trim() : flags.token
    const wish: Wish = {...flags, token, app, scope, site}
    const task = flags.print ? printOne : flags['dry-run'] ? previewOne : connectOne
    await forEachClient(app, clients, client => task(client, wish))
    if (clients.length === 0 && !flags.quiet)
      app.io.err('no client is installed that could be connected\n')
  }
}

async function connectOne(client: Client, wish: Wish): Promise<void> {
  const {app, profile, quiet} = wish
  const {io, paths, env} = app
  const say = (line: string) => (quiet ? undefined : io.err(`${line}\n`))
  if (isGordon(client, wish)) {
    if (wish.background === true) throw noBackground()
    await setGordon(true, {paths, env, profile})
    say('Connected Ask Gordon\nYou might have to restart it.')
    return
  }
  const place = placeFor(client, wish)
  const gateway = gatewayFor(client, place, wish)
  const isSecret = wish.token !== undefined
  const {already, isNarrowed, losses, address} = await connectClient(place, {
    paths,
    gateway,
    isSecret,
  })
  if (already) {
    say(`${client.id} is already connected${await toAddress(address)} (${place.path})`)
    return
  }
  say(`Connected ${client.id} (${place.path})`)
  if (isNarrowed)
    say(`! others could read ${place.path}: now only you can, since it has a token in it`)
  // Not by say: what is lost is said in any case.
  io.err(await lossLines(losses))
  if (client.note !== undefined && client.certainty !== 'documented') say(`! ${client.note}`)
  say(`You might have to restart ${client.name}.`)
}

async function toAddress(address: string | undefined): Promise<string> {
  return address === undefined ? '' : ` to ${oneLine(await shownAddress(address))}`
}

async function previewOne(client: Client, wish: Wish): Promise<void> {
  const {io} = wish.app
  if (isGordon(client, wish)) {
    io.out(`${gordonCommand(true)}\n`)
    return
  }
  const place = placeFor(client, wish)
  const real = await planConnect(place, gatewayFor(client, place, wish))
  if (real.before === real.after) {
    io.err(`nothing would change in ${place.path}\n`)
    return
  }
  io.err(await lossLines(real.losses))
  const gateway = gatewayFor(client, place, masked(wish))
  const ours = await oursIn(place.file, gateway)
  io.out(diffOf({...(await planConnect(place, gateway)), ours}))
}

/**
 * Whether it is Gordon, who is told by a command of docker.
 * @throws PluginError USAGE for an address, which Gordon cannot be given
 */
function isGordon({id}: Client, {scope, url}: Wish): boolean {
  if (id !== 'gordon' || scope.kind !== 'global') return false
  if (url === undefined) return true
  throw new PluginError('USAGE', 'gordon only knows the gateway that Docker Desktop starts', {
    hint: 'leave out --url',
  })
}

/**
 * The file that is to be changed.
 * @throws PluginError USAGE for a token in a file of a repository
 */
function placeFor(client: Client, wish: Wish): FoundPlace {
  return withoutToken(placeOf(client, wish.scope, wish.site), wish)
}

function withoutToken(place: FoundPlace, {token}: Wish): FoundPlace {
  if (token === undefined || !place.isProject) return place
  throw new PluginError(
    'USAGE',
    `a token does not belong into ${place.path}, a file of a repository`,
    {
      hint: 'use --token-env, or --global',
    },
  )
}

async function printOne(client: Client, wish: Wish): Promise<void> {
  const {io} = wish.app
  const shown = client.shown
  if (shown || (!client.user && !client.project)) {
    if (client.manual !== undefined) io.err(`${client.manual}\n`)
    if (!shown) return
    const file = {...shown, format: 'json'} as const
    io.out(await printedEntry(file, gatewayFor(client, {file}, masked(wish))))
    return
  }
  const place = printedPlace(client, wish)
  io.err(`put this into ${place.path}:\n`)
  io.out(await printedEntry(place.file, gatewayFor(client, place, masked(wish))))
}

/** Outside of a repository, what one would have. */
function printedPlace(client: Client, wish: Wish): FoundPlace {
  const {scope, site} = wish
  const {project} = client
  const isOutside = scope.kind === 'project' && projectRoot(scope.cwd, site.machine) === undefined
  return project && isOutside
    ? {file: project, path: project.path, isProject: true}
    : withoutToken(placeToShow(client, scope, site), wish)
}

/** What is printed may be read by others. */
function masked(wish: Wish): Wish {
  return wish.token === undefined ? wish : {...wish, token: TOKEN_SHOWN}
}

function gatewayFor(
  client: Client,
  place: Pick<FoundPlace, 'file' | 'distribution' | 'isProject'>,
  wish: Wish,
): Gateway {
  const {url, token, profile, background, app, site} = wish
  if (url !== undefined) {
    return remoteGateway(client, place.file, {url, token, tokenEnv: wish['token-env']})
  }
  const launch = launchFor(app, client, {site, place, profile, background: background === true})
  return {kind: 'launch', launch, keepsKind: background === undefined}
}

function noBackground(): PluginError {
  return new PluginError('USAGE', 'Ask Gordon starts a gateway of its own', {
    hint: 'leave --background out',
  })
}
