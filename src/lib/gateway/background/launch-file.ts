import {rm} from 'node:fs/promises'
import * as z from 'zod'
import {writeFileAtomic} from '../../files/atomic.ts'
import {readKept} from '../../files/kept.ts'

/** How a gateway in the background was started: enough to start it again. */
export interface Launch {
  /** What stands before `mcp`: docker's own flags. */
  readonly globals: readonly string[]
  /** The flags of `gateway run` that a person gave. */
  readonly flags: readonly string[]
  readonly cwd: string
  /** Its own flags in the order in which they are added to those. */
  readonly transport?: string
  /** Taken again at the next start when it is free, so that clients over HTTP find it; undefined: as the flags say. */
  readonly port?: number
  /** The variables that lead to the engine and the outside, as they were; no secrets. Whoever starts it may have others. */
  readonly env?: Readonly<Record<string, string>>
  /** A person stopped it: it is started when somebody needs it, not before. */
  readonly stopped?: true
}

const launchSchema: z.ZodType<Launch> = z.object({
  globals: z.array(z.string()),
  flags: z.array(z.string()),
  cwd: z.string(),
  transport: z.string().exactOptional(),
  port: z.int().min(0).max(65_535).exactOptional(),
  env: z.record(z.string(), z.string()).exactOptional(),
  stopped: z.literal(true).exactOptional(),
})

/** @returns undefined when it was never started, or nobody can tell how */
export async function readLaunch(file: string): Promise<Launch | undefined> {
  try {
    return launchSchema.safeParse(JSON.parse((await readKept(file)) ?? '')).data
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

/**
 * Keeps how a gateway is started, for whoever starts it the next time: with `stopped` while it is not to run.
 * @param file see `gatewayFiles`
 * @throws PluginError FILE_DENIED naming the file
 */
export async function writeLaunch(file: string, launch: Launch): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(launch)}\n`, {mode: 0o600})
}

/** Takes back a launch that led to nothing: what was known before it is known again. */
export async function restoreLaunch(file: string, before: Launch | undefined): Promise<void> {
  if (before) await writeLaunch(file, before)
  else await rm(file, {force: true})
}

/** The words of the program's command line that run it in the foreground. */
export function launchWords(name: string, {globals, flags, transport, port}: Launch): string[] {
  return [
    ...globals,
    'mcp',
    'gateway',
    'run',
    ...flags,
    '--name',
    name,
    ...(transport === undefined ? [] : ['--transport', transport]),
    ...(port === undefined ? [] : ['--port', String(port)]),
  ]
}
