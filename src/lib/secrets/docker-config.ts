import {join} from 'node:path'
import * as z from 'zod'
import {readTextFile} from '../files/atomic.ts'
import type {StatePaths} from '../files/paths.ts'

const CONFIG = z.looseObject({
  credsStore: z.string().nullish(),
  cliPluginsExtraDirs: z.array(z.string()).nullish(),
})

/**
 * What of docker's config.json counts for stores. A file that is none of docker's says nothing: what is wrong with it is
 * told where logins are needed.
 * @throws PluginError FILE_DENIED, FILE_INVALID when it cannot be read as text
 */
export async function dockerConfig({
  dockerConfigDir,
}: StatePaths): Promise<{readonly helper?: string; readonly pluginDirs?: readonly string[]}> {
  const text = await readTextFile(join(dockerConfigDir, 'config.json'))
  const {data} = CONFIG.safeParse(parse(text ?? ''))
  return {
    ...(data?.credsStore ? {helper: data.credsStore} : {}),
    ...(data?.cliPluginsExtraDirs ? {pluginDirs: data.cliPluginsExtraDirs} : {}),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
