import {createHash} from 'node:crypto'
import {access, chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join, sep} from 'node:path'

import {z} from 'zod'

import {PluginError, systemCode} from '../src/lib/base/errors.ts'
import {capture} from './process.ts'

type Report = (line: string) => void

/** An image that can be made: what it is called, what it is made of, and how its files are laid out. */
export interface ImageRecipe {
  readonly image: string
  readonly dockerfile: string
  /** Everything beside the Dockerfile that decides the content: versions, checksums. */
  readonly ingredients: readonly string[]
  /** Puts the files that the Dockerfile copies into the build folder. */
  readonly stage: (folder: string) => Promise<void>
}

const RECIPE_LABEL = 'docker-mcp.recipe'
const PINNED_NODE = join(import.meta.dirname, '..', 'node_modules', 'node')
/** Where Debian keeps the certificates of the authorities. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
const BUILD_SECONDS = 300
/** To be raised when stageBase makes something else of the same Node. */
const ROOT_REVISION = '1'

/**
 * Builds an image with the engine's own builder, which needs no registry and no buildx. The image carries its
 * key as a label, so that {@link currentImages} knows it again.
 * @throws PluginError ENGINE_FAILED with the builder's last words
 */
export async function buildImage(recipe: ImageRecipe): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-mcp-image-'))
  try {
    await recipe.stage(folder)
    await writeFile(join(folder, 'Dockerfile'), recipe.dockerfile)
    const before = await imageId(recipe.image)
    const label = `${RECIPE_LABEL}=${recipeKey(recipe)}`
    const {code, stdout, stderr} = await capture(
      'docker',
      ['build', '--quiet', '--tag', recipe.image, '--label', label, folder],
      {env: {...process.env, DOCKER_BUILDKIT: '0'}, timeout: BUILD_SECONDS * 1000},
    )
    if (code !== 0) {
      throw new PluginError('ENGINE_FAILED', `${recipe.image} was not built: ${stdout}${stderr}`, {
        hint: 'see docker info for the state of the engine, and df for its disk',
      })
    }
    // The older image of that name would stay behind without one. It may still be in use: then it stays.
    if (before !== undefined && before !== (await imageId(recipe.image))) {
      await capture('docker', ['image', 'rm', before])
    }
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}

/**
 * Which of these images are on the engine just as their recipes would make them.
 * @returns their names
 */
export async function currentImages(recipes: readonly ImageRecipe[]): Promise<ReadonlySet<string>> {
  const format = `{{index .Config.Labels "${RECIPE_LABEL}"}}`
  const names = recipes.map(({image}) => image)
  // Images that are missing are left out on stdout and named on stderr, so keys, not places, are compared.
  const {stdout} = await capture('docker', ['image', 'inspect', '--format', format, ...names])
  const found = new Set(stdout.split('\n'))
  return new Set(recipes.filter(recipe => found.has(recipeKey(recipe))).map(({image}) => image))
}

/** A digest (hex) of everything that decides what is in the image. */
export function recipeKey(recipe: ImageRecipe): string {
  const {image, dockerfile, ingredients} = recipe
  const parts = JSON.stringify([image, dockerfile, ...ingredients])
  return createHash('sha256').update(parts).digest('hex')
}

async function imageId(image: string): Promise<string | undefined> {
  const {code, stdout} = await capture('docker', ['image', 'inspect', '--format', '{{.Id}}', image])
  return code === 0 ? stdout.trim() : undefined
}

/**
 * The image that all others start from: the pinned Node with the libraries it is linked against, two users, a
 * /tmp, and no shell. Where that Node is not a Linux program, Docker Hub's image of the same major version.
 */
export async function baseRecipe(): Promise<ImageRecipe> {
  const version = await pinnedVersion()
  const image = `localhost/docker-mcp/node:${version}`
  if (process.platform !== 'linux') {
    const dockerfile = `FROM node:${version.split('.')[0]}-slim\n`
    return {image, dockerfile, ingredients: [], stage: async () => undefined}
  }
  const dockerfile = [
    'FROM scratch',
    'COPY root/ /',
    'ENV PATH=/usr/local/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
    'CMD ["/usr/local/bin/node"]',
    '',
  ].join('\n')
  return {image, dockerfile, ingredients: [process.arch, ROOT_REVISION], stage: stageBase}
}

/**
 * Builds the base if it is missing or old.
 * @returns its recipe
 */
export async function ensureBase(report: Report): Promise<ImageRecipe> {
  const recipe = await baseRecipe()
  const current = await currentImages([recipe])
  if (current.has(recipe.image)) return recipe
  report(`images: building ${recipe.image}`)
  await buildImage(recipe)
  return recipe
}

async function pinnedVersion(): Promise<string> {
  const text = await readFile(join(PINNED_NODE, 'package.json'), 'utf8')
  return z.object({version: z.string()}).parse(JSON.parse(text)).version
}

async function stageBase(folder: string): Promise<void> {
  const root = join(folder, 'root')
  const node = join(PINNED_NODE, 'bin', 'node')
  await copyInto(root, node, '/usr/local/bin/node')
  const {code, stdout, stderr} = await capture('ldd', [node])
  if (code !== 0) {
    throw new PluginError('ENGINE_FAILED', `ldd does not know the libraries of ${node}: ${stderr}`)
  }
  for (const library of linkedLibraries(stdout)) await copyInto(root, library, library)
  if (await exists(CERTIFICATES)) await copyInto(root, CERTIFICATES, CERTIFICATES)
  await mkdir(join(root, 'etc'), {recursive: true})
  await writeFile(
    join(root, 'etc', 'passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnode:x:1000:1000:node:/tmp:/sbin/nologin\n',
  )
  await writeFile(join(root, 'etc', 'group'), 'root:x:0:\nnode:x:1000:\n')
  await mkdir(join(root, 'tmp'))
  await chmod(join(root, 'tmp'), 0o1777)
}

/**
 * The files that the dynamic loader will look for, the loader itself included.
 * @param listing what ldd prints: `name => /path (address)` or `/path (address)`
 */
export function linkedLibraries(listing: string): readonly string[] {
  return [...listing.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)].map(
    match => match[1] ?? '',
  )
}

async function copyInto(root: string, source: string, target: string): Promise<void> {
  const path = join(root, ...target.split(sep))
  await mkdir(dirname(path), {recursive: true})
  await copyFile(source, path)
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
