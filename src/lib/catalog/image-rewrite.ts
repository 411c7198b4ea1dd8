import {PluginError} from '../base/errors.ts'
import {isLocalOnly, normalizeReference} from '../images/reference.ts'
import type {Mirrors, SignatureRepository} from '../images/signature.ts'
import type {CatalogServer} from '../model/catalog.ts'

/** Where images come from instead: `docker.io/mcp/*` from `mirror.example.com/mcp/*`. */
export interface RewriteRule {
  readonly from: string
  readonly to: string
}

/** What the rules make of names, both ways. */
export interface ImageRewriter extends Mirrors {
  /** The image that is to be run for one that a catalog names; the first rule that fits counts. */
  readonly rewrite: (image: string) => string
}

/**
 * Reads the rules of the gateway's file, once for all images.
 * A rule is about whole names, as docker writes them out: `mcp/*` is `docker.io/mcp/*`, and `node` is
 * `docker.io/library/node`. A `*` behind a `/` stands for any rest, tag and digest included, and one alone for every
 * name with its registry, but for images made on this machine, which no mirror has. A rule without one is about
 * that repository with all its tags and digests, or, if it has a tag or digest, about that image alone.
 * @param file to name in errors
 * @throws PluginError FILE_INVALID naming the rule
 */
export function imageRewriter(rules: readonly RewriteRule[], file: string): ImageRewriter {
  const ready = rules.map((rule, at) => readRule(rule, `${file}: images.rewrite.${at}`))
  const rewrite = (image: string): string => {
    const written = normalizeReference(image)
    if (!written) return image
    for (const {apply} of ready) {
      const next = apply(written)
      if (next !== undefined) return next
    }
    return image
  }
  return {
    rewrite,
    originalsOf: image =>
      ready
        .flatMap(({undo}) => undo(image))
        .flatMap(text => normalizeReference(text) ?? [])
        // Of what an earlier rule leads elsewhere, this image is none.
        .filter(({text}) => normalizeReference(rewrite(text))?.text === image.text),
    mirrorOf: repository => normalizeReference(rewrite(repositoryOf(repository))) ?? repository,
  }
}

/** A server as it is to be run: its own image and those of its tools. */
export function rewriteServer(
  server: CatalogServer,
  rewrite: (image: string) => string,
): CatalogServer {
  const {image, tools} = server
  return {
    ...server,
    ...(image !== undefined && {image: rewrite(image)}),
    ...(tools && {
      tools: tools.map(tool =>
        tool.container
          ? {...tool, container: {...tool.container, image: rewrite(tool.container.image)}}
          : tool,
      ),
    }),
  }
}

type Written = NonNullable<ReturnType<typeof normalizeReference>>

/** A rule in use: what it makes of an image, and what it may have made that image of. */
interface ReadyRule {
  readonly apply: (image: Written) => string | undefined
  readonly undo: (image: Written) => readonly string[]
}

function readRule({from, to}: RewriteRule, place: string): ReadyRule {
  const isPattern = from.endsWith('*')
  if (
    stars(from) > 1 ||
    stars(to) > 1 ||
    isPattern !== to.endsWith('*') ||
    stars(from) !== stars(to)
  ) {
    throw wrong(place, 'from and to must both end with *, or have none', from)
  }
  if (isPattern) return patternRule(from.slice(0, -1), to.slice(0, -1), place)
  const [source, target] = [normalizeReference(from), normalizeReference(to)]
  if (!source || !target) {
    throw wrong(place, 'it is not the name of an image', source ? to : from)
  }
  if (hasVersion(from)) {
    return {
      apply: ({text}) => (text === source.text ? to : undefined),
      undo: ({text}) => (text === target.text ? [source.text] : []),
    }
  }
  if (hasVersion(to)) throw wrong(place, 'to has a tag or digest, and from has none', to)
  const back = moved(target, source)
  return {apply: moved(source, target), undo: image => [back(image) ?? []].flat()}
}

/** What leads the images of one repository to another, tags and digests included. */
function moved(from: Written, to: Written): (image: Written) => string | undefined {
  return image =>
    repositoryOf(image) === repositoryOf(from)
      ? `${repositoryOf(to)}${versionOf(image)}`
      : undefined
}

/** What stands for the rest of a name shows whether there can be one. */
const SOME_NAME = 'x'

function patternRule(from: string, to: string, place: string): ReadyRule {
  const start = fullStart(from)
  if (start === undefined) throw wrong(place, 'the * must stand behind a /', `${from}*`)
  if (hasVersion(to) || !normalizeReference(`${to}${SOME_NAME}`)) {
    throw wrong(place, 'it is not the beginning of an image’s name', `${to}*`)
  }
  return {
    apply: ({text}) => {
      if (start === '' && isLocalOnly(text)) return undefined
      return text.startsWith(start) ? `${to}${text.slice(start.length)}` : undefined
    },
    undo: ({text}) =>
      spellings(text)
        .filter(spelling => spelling.startsWith(to))
        .map(spelling => `${start}${spelling.slice(to.length)}`),
  }
}

/** What docker writes out as this name: of one on Docker Hub, parts may be left out. */
function spellings(text: string): readonly string[] {
  const short = HUB_STARTS.filter(start => text.startsWith(start)).map(start =>
    text.slice(start.length),
  )
  return [text, ...short.flatMap(name => [name, `docker.io/${name}`, `index.docker.io/${name}`])]
}

const HUB_STARTS = ['docker.io/', 'docker.io/library/']

/** The beginning of a name, written out: of `mcp/` it is `docker.io/mcp/`. */
function fullStart(start: string): string | undefined {
  if (start === '') return ''
  const probe = normalizeReference(`${start}${SOME_NAME}`)
  if (!probe || !start.endsWith('/')) return undefined
  const {registry} = probe
  // A registry alone is all of it, and not what is in `library/` there.
  const first = normalizeReference(`${start}a/b`)
  if (start.split('/').length === 2 && first?.repository === 'a/b') return `${registry}/`
  return repositoryOf(probe).slice(0, -SOME_NAME.length)
}

function repositoryOf({registry, repository}: SignatureRepository): string {
  return `${registry}/${repository}`
}

function versionOf(image: Written): string {
  return image.text.slice(repositoryOf(image).length)
}

function hasVersion(written: string): boolean {
  return /@|:[^/]*$/.test(written)
}

function stars(text: string): number {
  return text.split('*').length - 1
}

function wrong(place: string, why: string, what: string): PluginError {
  return new PluginError('FILE_INVALID', `${place}: ${JSON.stringify(what)}: ${why}`, {
    hint: 'write, for example, from: docker.io/mcp/* and to: mirror.example.com/mcp/*',
  })
}
