import type {DockerGlobals} from './plugin/argv.ts'
import type {Engine} from './engine/engine.ts'
import type {StatePaths} from './files/paths.ts'
import type {Catalog} from './model/catalog.ts'
import type {Io} from './ui/io.ts'
import {Scope} from './base/scope.ts'
import {statePaths} from './files/paths.ts'

/** What a command works with: every adapter once, made when first asked for. */
export interface App {
  readonly version: string
  readonly io: Io
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly globals: DockerGlobals
  readonly paths: StatePaths
  readonly process: NodeJS.Process
  /** The catalog that is part of this program. */
  readonly embeddedCatalog: () => Promise<Catalog>
  /** The folder with what new servers begin with. */
  readonly templates: string
  /** The file of the program that clears away what a killed gateway leaves. */
  readonly watchdog?: string
  /** What starts this program again, by whole paths; its words come after them. */
  readonly program?: readonly string[]
  /** Closed when the command is over. */
  readonly scope: Scope
  /** The engine at the endpoint that docker itself would use. Does not speak to it yet. */
  engine(): Promise<Engine>
}

/** Builds the app of one invocation; does no I/O. */
export function createApp(input: {
  version: string
  io: Io
  env: NodeJS.ProcessEnv
  cwd: string
  globals: DockerGlobals
  process: NodeJS.Process
  embeddedCatalog: () => Promise<Catalog>
  templates: string
  watchdog?: string
  program?: readonly string[]
}): App {
  const paths = statePaths({configFlag: input.globals.config, env: input.env})
  let engine: Promise<Engine> | undefined
  return {
    ...input,
    paths,
    scope: new Scope(),
    engine: () => {
      engine ??= connect(input, paths).catch((error: unknown) => {
        // An engine that is down now may be up at the next start of a server.
        engine = undefined
        throw error
      })
      return engine
    },
  }
}

async function connect(
  input: {env: NodeJS.ProcessEnv; globals: DockerGlobals},
  paths: StatePaths,
): Promise<Engine> {
  const [{resolveEndpoint}, {openEngine}] = await Promise.all([
    import('./engine/endpoint.ts'),
    import('./engine/dockerode.ts'),
  ])
  return openEngine(
    await resolveEndpoint({
      globals: input.globals,
      env: input.env,
      dockerConfigDir: paths.dockerConfigDir,
    }),
  )
}
