import {PluginError} from '../base/errors.ts'
import {editFile} from '../files/edit-file.ts'
import type {StatePaths} from '../files/paths.ts'
import {removeYamlKey, setYamlKey} from '../files/yaml-edit.ts'
import type {ChosenProfile} from './choice.ts'
import {readTools} from './legacy.ts'
import {changeSettings} from './membership.ts'

/** A tool that is to be allowed or not: the server's own name for it. */
export interface ServerTool {
  readonly server: string
  readonly tool: string
}

/** What is to be switched, in this order: first all tools of servers, then single ones. */
export interface ToolSwitches {
  readonly enableAll?: readonly string[]
  readonly disableAll?: readonly string[]
  readonly enable?: readonly ServerTool[]
  readonly disable?: readonly ServerTool[]
}

/** What a choice of tools came to, each in the order given. */
export interface ToolsChange {
  readonly changed: readonly ServerTool[]
  /** They were so already. */
  readonly already: readonly ServerTool[]
  /** By each server that was named: the tools that are on now; undefined for all of them. */
  readonly lists: ReadonlyMap<string, readonly string[] | undefined>
}

/** The tools that are on, by server; undefined for all of them. */
type Lists = ReadonlyMap<string, readonly string[] | undefined>

/**
 * Switches tools on and off in a profile: in its file, or in `tools.yaml`. A server without a list there offers all of its
 * tools; it gets one of the others when one is switched off, and loses it when all are in it. The lists are read and
 * written under one lock.
 * @param every all tools of the servers concerned, by server, as far as they are known
 * @throws PluginError TOOL_UNKNOWN when one is to be switched off and nobody knows which others there are; FILE_INVALID
 *   with the place; FILE_DENIED; FILE_BUSY. Then the file stays as it is
 */
export async function switchTools(
  paths: StatePaths,
  profile: ChosenProfile,
  switches: ToolSwitches,
  every: ReadonlyMap<string, readonly string[]>,
): Promise<ToolsChange> {
  let change: ToolsChange = {changed: [], already: [], lists: new Map()}
  const listsAfter = (before: Lists) => {
    change = switched(before, switches, every)
    return [...change.lists].filter(([server, list]) => !isSame(list, before.get(server)))
  }
  if (profile.kind === 'document') {
    await changeSettings(profile.read.file, servers =>
      listsAfter(new Map(servers.map(({name, tools}) => [name, tools]))).map(([server, list]) => ({
        server,
        path: ['tools'],
        value: list && [...list],
      })),
    )
  } else {
    const {tools: file} = paths
    await editFile(file, before =>
      listsAfter(readTools(before, file)).reduce(
        (text, [server, list]) =>
          list ? setYamlKey(text, [server], [...list]) : removeYamlKey(text, [server]),
        before,
      ),
    )
  }
  return change
}

function switched(
  before: Lists,
  {enableAll = [], disableAll = [], enable = [], disable = []}: ToolSwitches,
  every: ReadonlyMap<string, readonly string[]>,
): ToolsChange {
  const now = new Map(before)
  const changed: ServerTool[] = []
  const already: ServerTool[] = []
  for (const server of enableAll) now.set(server, undefined)
  for (const server of disableAll) now.set(server, [])
  const single = [
    ...enable.map(one => ({one, isOn: true})),
    ...disable.map(one => ({one, isOn: false})),
  ]
  for (const {one, isOn} of single) {
    const {server, tool} = one
    const list = now.get(server)
    if ((list === undefined || list.includes(tool)) === isOn) {
      already.push(one)
      continue
    }
    changed.push(one)
    const all = list ?? every.get(server) ?? unknownTools(server)
    now.set(server, isOn ? [...all, tool] : all.filter(other => other !== tool))
  }
  const named = [...enableAll, ...disableAll, ...single.map(({one}) => one.server)]
  const isChanged = new Set(changed.map(({server}) => server))
  const lists = named.map(server => {
    const list = now.get(server)
    const all = every.get(server) ?? []
    const hasAll = all.length > 0 && all.every(tool => list?.includes(tool))
    return [server, hasAll && isChanged.has(server) ? undefined : list] as const
  })
  return {changed, already, lists: new Map(lists)}
}

function isSame(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function unknownTools(server: string): never {
  throw new PluginError('TOOL_UNKNOWN', `nobody knows which tools ${server} has`, {
    hint: `choose those that are to be on: --disable-all ${server} --enable ${server}.<tool>`,
  })
}
