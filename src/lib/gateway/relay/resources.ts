import type {JsonObject} from '../../base/json.ts'
import type {Listed} from '../directory.ts'
import {Exposures, type Own} from './exposures.ts'
import type {Lists} from './lists.ts'
import {mapText} from './places.ts'
import {directoriesOf, literalFit, markPlace, markUri, templateBudget} from './uris.ts'

/** How sure it is that a server has a resource: one that lists it has, and no other is asked. */
export interface Candidate extends Own {
  readonly certainty: 'listed' | 'likely' | 'possible'
}

export interface ResourcesInput {
  readonly lists: Lists
  /** Two servers have the same URI or template, and this one's is shown in another form. */
  readonly onMarked: (kind: ResourceKind, own: Own, exposed: string) => void
}

export type ResourceKind = 'resources' | 'templates'

/** What the URI of a skill has behind that of its directory (SEP-2640). */
export const SKILL_MANIFEST = '/SKILL.md'

const KEYS = {resources: 'uri', templates: 'uriTemplate'} as const

/** The URIs of all servers of one session: what the client sees of them, and whose each is. */
export class Resources {
  readonly #lists: Lists
  readonly #exposures: Readonly<Record<ResourceKind, Exposures>>
  readonly #learned = new Map<ResourceKind, readonly Listed[]>()
  #templates: readonly Template[] = []

  constructor({lists, onMarked}: ResourcesInput) {
    const exposures = (kind: ResourceKind) =>
      new Exposures({
        mark: markUri,
        onMarked: (own, exposed) => onMarked(kind, own, exposed),
      })
    this.#lists = lists
    this.#exposures = {resources: exposures('resources'), templates: exposures('templates')}
  }

  /** What all servers list, in configured order, as the client sees it. */
  async list(kind: ResourceKind): Promise<JsonObject[]> {
    const listed = await this.#lists.collect(kind, {isShown: true})
    this.#learn()
    const key = KEYS[kind]
    const shown = (server: string) => (own: string) =>
      this.#exposures[kind].shown({server, own}) ?? own
    return listed.flatMap(({server, items}) => items.map(item => mapText(item, key, shown(server))))
  }

  /** Takes in what the only server has listed so far: the client knows it as the server does. */
  keepOwn(): void {
    this.#learn()
  }

  /** What the client sees of a URI that a server mentions; from now on the client may ask for it. */
  expose(server: string, uri: string): string {
    this.#learn()
    const own = {server, own: uri}
    const shown = this.#exposures.resources.shown(own)
    const wish = shown === undefined ? this.#throughTemplate(own) : undefined
    return this.#exposures.resources.expose(own, wish)
  }

  /**
   * The servers to ask for a resource, the likeliest first: the one that lists it, and then no other; else those with
   * a template that it fits, the one that mentioned it, and at last every other. Servers that have not listed
   * anything yet are waited for only when none of the others has it.
   */
  async *candidates(uri: string): AsyncGenerator<Candidate, void> {
    const asked = new Set<string>()
    const unasked = ({server}: Own) => !asked.has(server) && asked.add(server)
    for (const isCollected of [false, true]) {
      if (isCollected) await this.collect()
      for (const candidate of this.#known(uri)) {
        if (unasked(candidate)) yield candidate
        if (candidate.certainty === 'listed') return
      }
    }
    for (const {server} of this.#lists.known('resources')) {
      const candidate = {server, own: uri, certainty: 'possible'} as const
      if (unasked(candidate)) yield candidate
    }
  }

  /** Whose a URI is, or a template, as far as is known now. */
  owner(uri: string): Own | undefined {
    this.#learn()
    return this.#exposures.templates.find(uri) ?? this.#known(uri)[0]
  }

  /** Asks all servers for what they have, as far as they have not said so yet. */
  async collect(): Promise<void> {
    const options = {isShown: false}
    await Promise.all([
      this.#lists.collect('resources', options),
      this.#lists.collect('templates', options),
    ])
  }

  #known(uri: string): readonly Candidate[] {
    this.#learn()
    const {resources} = this.#exposures
    const found = resources.find(uri)
    // Nobody but its owner has a URI with a mark in it.
    if (found && (resources.listed.has(uri) || found.own !== uri)) {
      // What is only remembered of a server may be another one's today.
      const isSure = found.own !== uri || this.#lists.isConfirmed(found.server, 'resources')
      if (isSure) return [{...found, certainty: 'listed'}]
    }
    const likely = [...this.#bySkill(uri), ...this.#byTemplate(uri), ...(found ? [found] : [])]
    return likely.map(own => ({...own, certainty: 'likely'}))
  }

  /** The server with the skill that the URI is in (skills extension, SEP-2640), if its skill is known. */
  #bySkill(uri: string): readonly Own[] {
    for (const directory of directoriesOf(uri)) {
      const manifest = this.#exposures.resources.find(directory + SKILL_MANIFEST)
      if (!manifest?.own.endsWith(SKILL_MANIFEST)) continue
      const own = manifest.own.slice(0, -SKILL_MANIFEST.length) + uri.slice(directory.length)
      return [{server: manifest.server, own}]
    }
    return []
  }

  /** The servers with a template that the URI fits, the template with the most literal text first. */
  #byTemplate(uri: string): readonly Own[] {
    const budget = templateBudget()
    return this.#templates
      .map(template => ({...template, literal: literalFit(template.exposed, uri, budget)}))
      .filter(({literal}) => literal >= 0)
      .toSorted((a, b) => b.literal - a.literal)
      .map(({server, place, mark}) => {
        return {server, own: uri.slice(0, place) + uri.slice(place + mark.length)}
      })
  }

  /** A URI that fits a template which the client sees with a mark gets the same mark. */
  #throughTemplate({server, own}: Own): string | undefined {
    const budget = templateBudget()
    const [fitting] = this.#templates
      .filter(template => template.server === server && template.mark !== '')
      // A mark before the scheme would make another scheme of it.
      .filter(({place}) => place > 0 || markPlace(own) === 0)
      .map(template => ({...template, literal: literalFit(template.own, own, budget)}))
      .filter(({literal}) => literal >= 0)
      .toSorted((a, b) => b.literal - a.literal)
    return fitting && own.slice(0, fitting.place) + fitting.mark + own.slice(fitting.place)
  }

  /** Takes in what servers have listed since the last time. */
  #learn(): void {
    for (const kind of ['resources', 'templates'] as const) {
      const listed = this.#lists.known(kind)
      if (isSame(listed, this.#learned.get(kind))) continue
      this.#learned.set(kind, listed)
      this.#exposures[kind].list(
        listed.flatMap(({server, items}) =>
          items.flatMap(item => {
            const own = item[KEYS[kind]]
            return typeof own === 'string' ? [{server, own}] : []
          }),
        ),
      )
      if (kind === 'templates') this.#templates = templatesIn(this.#exposures.templates.listed)
    }
  }
}

/** A template that URIs are tried with. */
interface Template extends Own {
  readonly exposed: string
  /** What the client sees in it that the server does not know, and where. */
  readonly mark: string
  readonly place: number
}

/** So many of each server are tried: each costs time, and for every read. */
const MOST_TEMPLATES = 500

function templatesIn(listed: ReadonlyMap<string, Own>): readonly Template[] {
  const counts = new Map<string, number>()
  return [...listed].flatMap(([exposed, {server, own}]) => {
    const count = (counts.get(server) ?? 0) + 1
    counts.set(server, count)
    if (count > MOST_TEMPLATES) return []
    const place = markPlace(own)
    const mark = exposed.slice(place, place + exposed.length - own.length)
    return [{server, own, exposed, mark, place}]
  })
}

function isSame(now: readonly Listed[], before: readonly Listed[] | undefined): boolean {
  if (now.length !== before?.length) return false
  return now.every(({server, items}, index) => {
    const old = before[index]
    const areSame = items === old?.items || (items.length === 0 && old?.items.length === 0)
    return areSame && server === old?.server
  })
}
