import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {failure, isResult, result, RPC, type Request, type Response} from '../wire/jsonrpc.ts'
import {isMissing, withParams, type Ask} from './ask.ts'
import {Cancelled, type Asking} from './connection.ts'
import {narrowest, NOT_KEPT, type CacheHint} from './hints.ts'
import type {ServerLink} from './server-link.ts'
import {isInTime} from './in-time.ts'
import {fetchPages, type Items} from './pages.ts'
import {mapText} from './places.ts'
import {SKILL_MANIFEST} from './resources.ts'
import type {Translation} from './translation.ts'

/** As servers declare it in `extensions`. */
const EXTENSION = 'io.modelcontextprotocol/skills'

export interface SkillsInput {
  readonly links: ReadonlyMap<string, ServerLink>
  /** What a server has said that it can do. */
  readonly hello: (server: string) => JsonObject | undefined
  readonly translation: Translation
  /** How long a list waits for a server. */
  readonly patienceMs: number
}

const LIST = 'skills/list'
const DIRECTORY = 'resources/directory/read'
/** Methods about a skill, or about a directory in it. */
const ABOUT_ONE: ReadonlySet<string> = new Set(['skills/get', DIRECTORY])

/** A URI as its server and as the client calls it. */
interface Shown {
  readonly own: string
  readonly shown: string
}

/** What one server has, or undefined when it does not say. */
interface ListedSkills {
  readonly server: string
  readonly items: Items
  readonly hint: CacheHint | undefined
}

/**
 * The skills of several servers (skills extension, SEP-2640): listed together, each as its server describes it. A
 * skill with the URI of another server's has its server's name in front of its path, and so have all its files.
 */
export class Skills {
  readonly #input: SkillsInput

  constructor(input: SkillsInput) {
    this.#input = input
  }

  /** @returns undefined for other requests, and when no server declares the extension */
  async answer(message: Request, ask: Ask, signal: AbortSignal): Promise<Response | undefined> {
    const {links, hello} = this.#input
    const {method} = message
    const uri = message.params?.['uri']
    const able = [...links.keys()].filter(server => declares(hello(server), method))
    if (able.length === 0) return undefined
    if (method === LIST) return this.#list(message, able, signal)
    if (!ABOUT_ONE.has(method) || typeof uri !== 'string') return undefined
    return this.#one(message, {uri, able}, ask)
  }

  /** The skills of all servers in configured order, in one page. A server that fails is left out. */
  async #list(message: Request, able: readonly string[], signal: AbortSignal): Promise<Response> {
    const {id, params} = message
    if (typeof params?.['cursor'] === 'string') {
      return failure(id, RPC.invalidParams, 'no such cursor: skills come in one page here')
    }
    const asking = {about: id, signal}
    const listed = await Promise.all(able.map(server => this.#listed(server, asking)))
    const skills = listed.flatMap(({server, items}) =>
      items.map(skill => this.#expose(server, skill)),
    )
    // Legacy servers say nothing about keeping, and legacy clients would not read it.
    const isModern = listed.some(({hint}) => hint)
    const hint = isModern ? narrowest(listed.map(one => one.hint ?? NOT_KEPT)) : {}
    return result(id, {skills, ...hint})
  }

  async #listed(server: string, {about, signal}: Asking): Promise<ListedSkills> {
    const {links, patienceMs} = this.#input
    const link = links.get(server)
    const none = {server, items: [], hint: undefined}
    if (!link) return none
    const late = new AbortController()
    const asking = {about, signal: AbortSignal.any([signal, late.signal])}
    const list = fetchPages(link, {method: LIST, key: 'skills'}, asking).then(
      whole => ({server, ...whole}),
      () => none,
    )
    if (await isInTime(list, patienceMs)) return list
    late.abort(new Cancelled({reason: 'it takes too long'}))
    return none
  }

  /** Asks the owner of a skill, or of a directory; who that is may have to be tried. */
  async #one(
    message: Request,
    {uri, able}: {uri: string; able: readonly string[]},
    ask: Ask,
  ): Promise<Response> {
    const {resources} = this.#input.translation
    let likeliest: Response | undefined
    for await (const {server, own, certainty} of resources.candidates(uri)) {
      if (!able.includes(server)) continue
      if (certainty === 'possible' && !(await this.#isThere(server))) continue
      const answer = await ask(server, withParams(message, {uri: own}), {own})
      if (certainty === 'listed' || !isMissing(answer)) {
        return this.#translated(server, answer, {own, shown: uri})
      }
      likeliest ??= answer
    }
    return likeliest ?? failure(message.id, RPC.invalidParams, `Unknown resource: ${uri}`)
  }

  async #isThere(server: string): Promise<boolean> {
    const ready = this.#input.links.get(server)?.ready()
    return ready !== undefined && (await ready.then(() => true).catch(() => false))
  }

  /** What was asked for is called as the client has called it, and what is in it goes by that. */
  #translated(server: string, answer: Response, asked: Shown): Response {
    if (!isResult(answer)) return answer
    const {skill, resources} = answer.result
    const parts: JsonObject = {}
    if (isJsonObject(skill)) parts['skill'] = this.#expose(server, skill, asked)
    if (Array.isArray(resources)) {
      parts['resources'] = resources.map(one =>
        isJsonObject(one) ? mapText(one, 'uri', this.#within(server, asked)) : one,
      )
    }
    return {...answer, result: {...answer.result, ...parts}}
  }

  #expose(server: string, skill: JsonObject, asked?: Shown): JsonObject {
    const {uri, resources} = skill
    if (typeof uri !== 'string') return skill
    const isAsked = uri === asked?.own
    const shown = isAsked ? asked.shown : this.#input.translation.resources.expose(server, uri)
    const within = this.#within(server, {own: directoryOf(uri), shown: directoryOf(shown)})
    const files = Array.isArray(resources)
      ? resources.map(file => (isJsonObject(file) ? mapText(file, 'uri', within) : file))
      : resources
    return {...skill, uri: shown, ...(files !== undefined && {resources: files})}
  }

  /** What the client sees of URIs that are in a directory, or are somewhere else. */
  #within(server: string, {own, shown}: Shown): (uri: string) => string {
    return uri =>
      own !== shown && (uri === own || uri.startsWith(`${own}/`))
        ? shown + uri.slice(own.length)
        : this.#input.translation.resources.expose(server, uri)
  }
}

function directoryOf(manifest: string): string {
  return manifest.endsWith(SKILL_MANIFEST) ? manifest.slice(0, -SKILL_MANIFEST.length) : manifest
}

/** Whether a server has said that it has skills, and knows the method: not all have directories. */
function declares(hello: JsonObject | undefined, method: string): boolean {
  const capabilities = hello?.['capabilities']
  const extensions = isJsonObject(capabilities) ? capabilities['extensions'] : undefined
  const own = isJsonObject(extensions) ? extensions[EXTENSION] : undefined
  return isJsonObject(own) && (method !== DIRECTORY || own['directoryRead'] === true)
}
