import {readdir, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {basename, join, relative, resolve} from 'node:path'
import {PluginError, systemCode} from './base/errors.ts'
import {fileDenied} from './files/denied.ts'
import {makeFolder} from './files/folder.ts'

/** The languages in which a new server can begin. */
export const LANGUAGES = ['typescript', 'python'] as const

export interface NewServer {
  /** Where to put it; made, or empty. */
  readonly dir: string
  readonly language: (typeof LANGUAGES)[number]
  /** Instead of the folder's own name. */
  readonly name: string | undefined
  /** Where the templates are. */
  readonly templates: string
  readonly cwd: string
}

/** What was made. */
export interface MadeServer {
  readonly name: string
  readonly image: string
  readonly dir: string
  /** Relative to `dir`. */
  readonly files: readonly string[]
}

/** What a server, an image and a key of a catalog can be called alike. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** What the template calls the place where the code is. */
const SOURCES = {typescript: '`src/server.ts`', python: '`server.py`'} as const

/**
 * Makes the files of a new server: its program, a Dockerfile and a catalog. All of them, or none.
 * @throws PluginError USAGE for a name that cannot be used, or a folder with something in it; FILE_DENIED
 */
export async function initServer({
  dir: asked,
  language,
  name: wanted,
  templates,
  cwd,
}: NewServer): Promise<MadeServer> {
  const dir = resolve(cwd, asked)
  const name = wanted ?? basename(dir)
  if (!NAME.test(name)) {
    throw new PluginError('USAGE', `${JSON.stringify(name)} cannot be the name of a server`, {
      hint: 'use small letters, digits and hyphens: --name my-server',
    })
  }
  await mustBeEmpty(dir)
  const image = `localhost/${name}:latest`
  const values = new Map([
    ['name', name],
    ['title', titleOf(name)],
    ['image', image],
    ['source', SOURCES[language]],
  ])
  const made: string[] = []
  const fill = {values, onMade: (file: string) => void made.push(file)}
  try {
    await copyFilled({from: join(templates, language), to: dir, ...fill})
    await copyFilled({from: templates, to: dir, ...fill})
    return {name, image, dir, files: made.map(file => relative(dir, file)).toSorted()}
  } catch (error) {
    await Promise.all(made.map(file => rm(file, {force: true})))
    throw fileDenied(error, {verb: 'write', path: dir})
  }
}

async function mustBeEmpty(dir: string): Promise<void> {
  try {
    const [first] = await readdir(dir)
    if (first === undefined) return
    throw new PluginError('USAGE', `${dir} is not empty`, {hint: 'name a folder that is new'})
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw fileDenied(error, {verb: 'read', path: dir})
  }
}

interface Filling {
  readonly from: string
  readonly to: string
  readonly values: ReadonlyMap<string, string>
  readonly onMade: (file: string) => void
}

/** Copies the files of a folder, and of those below it that are not templates themselves. */
async function copyFilled({from, to, values, onMade}: Filling): Promise<void> {
  await makeFolder(to)
  for (const entry of await readdir(from)) {
    const source = join(from, entry)
    // Under its own name it would change how the template itself is packed.
    const copy = join(to, entry === 'dockerignore' ? '.dockerignore' : entry)
    if ((await stat(source)).isDirectory()) {
      if (isLanguage(entry)) continue
      await copyFilled({from: source, to: copy, values, onMade})
    } else {
      const text = await readFile(source, 'utf8')
      onMade(copy)
      await writeFile(copy, filled(text, values), {flag: 'wx'})
    }
  }
}

function filled(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(/@@([a-z]+)@@/g, (all, key) => values.get(key) ?? all)
}

function isLanguage(folder: string): boolean {
  return LANGUAGES.some(language => language === folder)
}

/** `my-server` as people write it: `My server`. */
function titleOf(name: string): string {
  const words = name.replaceAll('-', ' ')
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`
}
