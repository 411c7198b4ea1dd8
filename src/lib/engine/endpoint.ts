import {join} from 'node:path'
import {PluginError} from '../base/errors.ts'
import type {DockerGlobals} from '../plugin/argv.ts'
import {
  listContexts,
  readContext,
  readCurrentContext,
  readIfThere,
  tlsMaterial,
} from './contexts.ts'
import type {TlsMaterial} from './contexts.ts'
import {parseHost} from './host.ts'
import type {Host, SshHost} from './host.ts'

/** Where the engine listens. `from` says in words where that choice came from. */
export type Endpoint =
  | {
      readonly kind: 'unix' | 'npipe'
      readonly path: string
      readonly from: string
      /** Where else engines of this user listen, for whoever finds nothing at the path that nobody chose. */
      readonly others?: readonly string[]
    }
  | {
      readonly kind: 'tcp'
      readonly host: string
      readonly port: number
      readonly tls?: EndpointTls
      readonly from: string
    }
  | (SshHost & {readonly from: string})

/** PEM texts; `verify` false takes any certificate of the engine. */
export interface EndpointTls extends TlsMaterial {
  readonly verify: boolean
}

/**
 * Finds the engine that the docker CLI would talk to: `--host`, `--context`, `DOCKER_HOST`, `DOCKER_CONTEXT`, the
 * current context of `config.json`, the platform's own socket, in this order (docker/cli, `cli/command/cli.go`;
 * checked against docker 28.2). TLS flags and variables concern only hosts that are no context.
 * @param input `globals`: docker's flags; `dockerConfigDir`: docker's folder; `platform`: whose sockets are meant
 * @throws PluginError USAGE for flags that contradict each other, ENDPOINT_INVALID for an unknown context, an
 *   address that is none, and missing TLS files; FILE_INVALID for damaged files of docker, FILE_DENIED
 */
export async function resolveEndpoint(input: {
  globals: DockerGlobals
  env: NodeJS.ProcessEnv
  dockerConfigDir: string
  platform?: NodeJS.Platform | undefined
}): Promise<Endpoint> {
  const choice = await choose(input)
  return choice.kind === 'context' ? fromContext(input, choice) : fromHost(input, choice)
}

type Input = Parameters<typeof resolveEndpoint>[0]

/** A host in docker's notation (blank: docker's default), or the name of a context and who named it. */
type Choice =
  | {readonly kind: 'host'; readonly host: string; readonly from: string}
  | {readonly kind: 'context'; readonly name: string; readonly by: string}

async function choose({globals, env, dockerConfigDir}: Input): Promise<Choice> {
  const [host, ...more] = globals.hosts
  if (host !== undefined && globals.context) {
    throw new PluginError('USAGE', '--host and --context contradict each other', {
      hint: 'give only one of them',
    })
  }
  if (more.length > 0) {
    throw new PluginError('USAGE', '--host is given more than once', {hint: 'give it once'})
  }
  // An empty `-H ''` is docker's default, not DOCKER_HOST.
  if (host !== undefined) return {kind: 'host', host, from: '--host'}

  const variable = env['DOCKER_HOST'] ?? ''
  const fallback: Choice =
    variable === ''
      ? {kind: 'host', host: '', from: "docker's default"}
      : {kind: 'host', host: variable, from: 'DOCKER_HOST'}
  // The context `default` is what there is without contexts, DOCKER_HOST included.
  const named = (name: string, by: string): Choice =>
    name === 'default' ? fallback : {kind: 'context', name, by}
  if (globals.context) return named(globals.context, '--context')
  if (variable !== '') return fallback
  if (env['DOCKER_CONTEXT']) return named(env['DOCKER_CONTEXT'], 'DOCKER_CONTEXT')
  const current = await readCurrentContext(dockerConfigDir)
  return current === undefined ? fallback : named(current, join(dockerConfigDir, 'config.json'))
}

async function fromContext(
  input: Input,
  {name, by}: {name: string; by: string},
): Promise<Endpoint> {
  const context = await readContext(input.dockerConfigDir, name)
  if (!context) {
    const known = await listContexts(input.dockerConfigDir)
    throw new PluginError(
      'ENDPOINT_INVALID',
      `there is no docker context ${JSON.stringify(name)} (named by ${by})`,
      {
        hint: `known contexts: ${known.join(', ')}`,
      },
    )
  }
  const from = `context ${name}`
  const host = parseHost(context.host, {from, platform: input.platform ?? process.platform})
  const secured = context.skipTlsVerify || Object.keys(context.tls).length > 0
  const tls = secured ? {...context.tls, verify: !context.skipTlsVerify} : undefined
  return reachedAt(host, tls, from)
}

async function fromHost(input: Input, choice: {host: string; from: string}): Promise<Endpoint> {
  const {globals, env} = input
  const verify = globals.tlsVerify ?? Boolean(env['DOCKER_TLS_VERIFY'])
  // docker turns TLS on as soon as verification is mentioned, even to say no to it.
  const secured =
    globals.tls || globals.tlsVerify !== undefined || Boolean(env['DOCKER_TLS_VERIFY'])
  const blank = secured ? 'tcp://localhost:2376' : ''
  const host = parseHost(choice.host.trim() || blank, {
    from: choice.from,
    platform: input.platform ?? process.platform,
  })
  const folder = env['XDG_RUNTIME_DIR']
  if (host.kind === 'unix' && choice.host.trim() === '' && folder) {
    const others = ROOTLESS_SOCKETS.map(name => join(folder, name))
    return {kind: host.kind, path: host.path, from: choice.from, others}
  }
  if (host.kind !== 'tcp' || !secured) return reachedAt(host, undefined, choice.from)
  return reachedAt(host, {...(await readTls(input)), verify}, choice.from)
}

/** Where engines without root listen, below the user's runtime folder (dockerd-rootless.sh, podman-system-service(1)). */
const ROOTLESS_SOCKETS = ['docker.sock', 'podman/podman.sock'] as const

function reachedAt(host: Host, tls: EndpointTls | undefined, from: string): Endpoint {
  return host.kind === 'tcp' && tls ? {...host, tls, from} : {...host, from}
}

/** The files of `--tlscacert`, `--tlscert` and `--tlskey`; by default those of `DOCKER_CERT_PATH` or docker's folder. */
async function readTls({globals, env, dockerConfigDir}: Input): Promise<TlsMaterial> {
  const folder = env['DOCKER_CERT_PATH'] || dockerConfigDir
  const [ca, cert, key] = await Promise.all([
    requireFile(globals.tlsCaCert ?? join(folder, 'ca.pem')),
    globals.tlsCert === undefined
      ? readIfThere(join(folder, 'cert.pem'))
      : requireFile(globals.tlsCert),
    globals.tlsKey === undefined
      ? readIfThere(join(folder, 'key.pem'))
      : requireFile(globals.tlsKey),
  ])
  return tlsMaterial({ca, cert, key})
}

/** An empty path switches a file off, as it does in docker. */
async function requireFile(path: string): Promise<string | undefined> {
  if (path === '') return undefined
  const text = await readIfThere(path)
  if (text !== undefined) return text
  throw new PluginError(
    'ENDPOINT_INVALID',
    `TLS to the engine needs ${path}, which does not exist`,
    {
      hint: 'point DOCKER_CERT_PATH at the folder of ca.pem, cert.pem and key.pem, or switch TLS off',
    },
  )
}
