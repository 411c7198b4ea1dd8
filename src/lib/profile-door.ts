import {access} from 'node:fs/promises'
import {Flags} from '@oclif/core'
import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {reachOf} from './catalog/reach.ts'
import {serversInput} from './command.ts'
import {listFlag, listOf} from './list-flag.ts'
import {chooseProfile} from './profile/choice.ts'
import type {ReferenceInput} from './profile/references.ts'

/**
 * What commands about profiles work on. The first time, what docker's own newer plugin keeps is taken over, and that is
 * said on stderr.
 */
export async function profilesInput(
  app: App,
  signal?: AbortSignal,
): Promise<ReferenceInput & {engine: App['engine']}> {
  await takeOverOnce(app)
  return {...serversInput(app), engine: () => app.engine(), signal}
}

/** Takes over what docker's own newer plugin keeps, if that was not done before. */
export async function takeOverOnce({paths, io}: App): Promise<void> {
  try {
    await access(paths.database)
  } catch {
    // Most users have none, and need not wait until all that it takes is loaded.
    return
  }
  const {takeOver} = await import('./profile/take-over.ts')
  for (const line of await takeOver(paths)) io.err(`${line}\n`)
}

/** Says on stderr that another profile counts than the one that config.yaml is of, if so. */
export async function tellOtherProfile(app: App): Promise<void> {
  try {
    const chosen = await chooseProfile(serversInput(app))
    if (chosen.kind === 'files') return
    app.io.err(
      `! the profile ${chosen.id} counts (${chosen.read.file}), and config.yaml is only of the default one; for its values: docker mcp profile config ${chosen.id} --get-all, --set\n`,
    )
  } catch (error) {
    // What is wrong with a profile is no reason to keep config.yaml from a person.
    if (!(error instanceof PluginError)) throw error
  }
}

/** How registries are reached for profiles. */
export async function registryInput(input: ReferenceInput, signal: AbortSignal) {
  const {env, paths} = input
  const {outgoing} = await reachOf(input)
  const {dockerCredentials} = await import('./images/credentials.ts')
  const credentials = dockerCredentials({dockerConfigDir: paths.dockerConfigDir, env})
  return {credentials, outgoing, signal}
}

/** A flag that may be given again and again; a comma in a value is one. */
export const repeatable = (flag: {summary: string; helpValue: string; env?: string; char?: 'f'}) =>
  Flags.string({...flag, multiple: true, multipleNonGreedy: true})

/** `--server`, on the commands that put servers into a profile. */
export const serverFlag = {
  server: listFlag({
    summary:
      'a server: its name in the catalogs, docker://<image>, catalog://<catalog>/<name>, https://… of a registry, or file://<path>; may be repeated',
    helpValue: '<uri>',
    env: 'DOCKER_MCP_SERVER',
  }),
}

/** The values of {@link serverFlag}. */
export function serversIn(flags: {server?: readonly string[] | undefined}): readonly string[] {
  return listOf(flags.server) ?? []
}
