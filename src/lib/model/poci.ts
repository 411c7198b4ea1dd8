import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import type {CatalogServer, CatalogTool} from './catalog.ts'
import type {ContainerSpec, PociSpec, PociTool} from './server.ts'
import {argumentContext, evaluateTemplate, evaluateTemplateList, renderText} from './template.ts'

/** The tools of an entry that have a container each, the first of each name. Those without one cannot be called. */
export function pociTools({tools = []}: CatalogServer): readonly PociTool[] {
  const names = new Set<string>()
  return tools.flatMap(tool => {
    const {name, description = '', annotations, container} = tool
    if (!container || names.has(name)) return []
    names.add(name)
    const {image, command = [], volumes = [], user} = container
    const parameters = parametersOf(tool)
    const said = {name, description, parameters, ...(annotations && {annotations})}
    return [{...said, image, command, volumes, ...(user ? {user} : {})}]
  })
}

/** @returns a JSON Schema of an object, as MCP wants it of a tool (2025-11-25, tools, inputSchema) */
function parametersOf({parameters, arguments: listed}: CatalogTool): JsonObject {
  if (parameters) return {...parameters, type: 'object'}
  const named = (listed ?? []).flatMap(each => {
    const {name, optional} = each
    return typeof name === 'string' ? [{name, optional, schema: propertyOf(each)}] : []
  })
  if (named.length === 0) return {type: 'object'}
  const required = named.filter(({optional}) => optional !== true).map(({name}) => name)
  return {
    type: 'object',
    properties: Object.fromEntries(named.map(({name, schema}) => [name, schema])),
    ...(required.length > 0 && {required}),
  }
}

function propertyOf({type, desc, items}: JsonObject): JsonObject {
  return {
    ...(typeof type === 'string' && {type}),
    ...(typeof desc === 'string' && {description: desc}),
    ...(isJsonObject(items) && {items}),
  }
}

/**
 * What one call of a tool runs: its templates with the arguments in them. An argument is never more than the template
 * makes of it: nothing in it is expanded, and no shell reads it.
 * @param home the user's home, for mounts of `~/…`
 * @throws RangeError with a sentence for whoever has to choose other arguments
 */
export function bindRun(
  spec: PociSpec,
  {tool, args, home}: {readonly tool: PociTool; readonly args: JsonObject; readonly home: string},
): ContainerSpec {
  const context = argumentContext(args, home)
  refuseMounts(tool, args)
  const command = evaluateTemplateList(tool.command, context)
  if (command.some(argument => argument.includes('\0'))) {
    throw new RangeError('no argument of a program can hold the character U+0000')
  }
  const user = tool.user === undefined ? '' : renderText(evaluateTemplate(tool.user, context))
  return {
    ...containerOf(spec, tool),
    command,
    volumes: evaluateTemplateList(
      tool.volumes.filter(volume => !leadsNowhere(volume, context)),
      context,
    ).filter(volume => volume !== ''),
    ...(user === '' ? {} : {user}),
  }
}

/** Whether what a mount begins with is not given: as with the filter `mount_as`, there is no such mount then. */
function leadsNowhere(volume: string, context: JsonObject): boolean {
  const [leading] = /^\{\{[^{}]*\}\}/u.exec(volume) ?? []
  return leading !== undefined && renderText(evaluateTemplate(leading, context)) === ''
}

/** The containers that the calls of a server run in, without what depends on arguments: one for each image. */
export function pociContainers(spec: PociSpec): readonly ContainerSpec[] {
  const byImage = new Map(spec.tools.map(tool => [tool.image, containerOf(spec, tool)]))
  return [...byImage.values()]
}

function containerOf(spec: PociSpec, {image}: PociTool): ContainerSpec {
  const {tools: _tools, ...facts} = spec
  return {
    ...facts,
    kind: 'container',
    isOneRun: true,
    image,
    command: [],
    volumes: [],
    // None can be kept ready for arguments that nobody knows yet.
    standby: {min: 0, max: 0},
  }
}

/** Where a path in a template starts. */
const FIRST_STEP = /\{\{([^.|{}]*)/gu
const DRIVE = /^[A-Za-z]:(?=\\)/u
const ABSOLUTE = /^(?:\/|~\/|$|[A-Za-z]:\\)/u

/**
 * In a mount a colon ends the path, and what follows says where it is mounted, and whether it may be written to; what
 * begins with no path is the name of a volume, which may be anybody's. All that is the entry's to say.
 */
function refuseMounts({volumes}: PociTool, args: JsonObject): void {
  for (const volume of volumes) {
    for (const match of volume.matchAll(FIRST_STEP)) {
      const name = match[1]?.trim() ?? ''
      const texts = Object.hasOwn(args, name) ? textsIn(args[name]) : []
      if (texts.some(text => text.replace(DRIVE, '').includes(':'))) {
        throw new RangeError(
          `${name} becomes a path that is mounted, and must not have a colon in it`,
        )
      }
      if (match.index === 0 && !texts.every(text => ABSOLUTE.test(text))) {
        throw new RangeError(`${name} becomes a path that is mounted, and must be an absolute one`)
      }
    }
  }
}

function textsIn(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value]
  if (value === null || typeof value !== 'object') return []
  return Object.values(value).flatMap(textsIn)
}
