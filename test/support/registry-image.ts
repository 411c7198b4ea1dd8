import {execFile} from 'node:child_process'
import {createHash, randomBytes} from 'node:crypto'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import type {Blob, TestRegistry} from './registry.ts'
import {staticProgram} from './static-program.ts'

const run = promisify(execFile)

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar'

/** An image to push: the static server of the fixtures, and as many random bytes besides. */
export interface PushedImage {
  readonly repository: string
  /** Undefined: only its digest leads to it. */
  readonly tag?: string
  readonly architecture?: string
  readonly os?: string
  readonly variant?: string
  /** Bytes of a second layer, which nobody has had before. */
  readonly ballast?: number
  readonly labels?: Readonly<Record<string, string>>
}

/** Removes every image of that registry from the engine. */
export async function removeImages({host}: Pick<TestRegistry, 'host'>): Promise<void> {
  const filter = ['--filter', `reference=${host}/*/*`]
  const {stdout} = await run('docker', ['image', 'ls', '--quiet', '--no-trunc', ...filter])
  const ids = [...new Set(stdout.split('\n').filter(Boolean))]
  if (ids.length > 0) await run('docker', ['image', 'rm', '--force', ...ids])
}

/** This machine's architecture as images name it. */
const HERE = process.arch === 'x64' ? 'amd64' : process.arch

/**
 * Pushes an image that runs test/fixtures/servers/static-server.c.
 * @returns digest and size of its manifest, and the digests of its layers, the program's first
 */
export async function pushImage(
  registry: TestRegistry,
  {repository, tag, architecture = HERE, os = 'linux', variant, ballast = 0, labels}: PushedImage,
): Promise<Blob & {readonly layers: readonly string[]}> {
  const program = await staticProgram('servers/static-server.c')
  const files = [
    {'static-server': program},
    ...(ballast > 0 ? [{ballast: randomBytes(ballast)}] : []),
  ]
  const archives = await Promise.all(files.map(tarOf))
  const layers = await Promise.all(archives.map(each => registry.putBlob(repository, each)))
  const config = {
    architecture,
    os,
    ...(variant !== undefined && {variant}),
    created: new Date(0).toISOString(),
    config: {Entrypoint: ['/static-server'], Labels: labels ?? {}},
    // What makes it another image than the one before it.
    author: randomBytes(8).toString('hex'),
    rootfs: {type: 'layers', diff_ids: archives.map(sha256)},
  }
  const configBlob = await registry.putBlob(repository, Buffer.from(JSON.stringify(config)))
  const manifest = await registry.putManifest(repository, tag, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {mediaType: CONFIG, ...configBlob},
    layers: layers.map(layer => ({mediaType: LAYER, ...layer})),
  })
  return {...manifest, layers: layers.map(({digest}) => digest)}
}

/** Pushes an index of images, one for each platform, as those for several architectures are made. */
export async function pushIndex(
  registry: TestRegistry,
  {repository, tag}: Pick<PushedImage, 'repository' | 'tag'>,
  platforms: readonly Pick<PushedImage, 'architecture' | 'os' | 'variant'>[],
): Promise<Blob> {
  const manifests = await Promise.all(
    platforms.map(async platform => {
      const {digest, size} = await pushImage(registry, {repository, ...platform})
      return {mediaType: MANIFEST, digest, size, platform: {os: 'linux', ...platform}}
    }),
  )
  return registry.putManifest(repository, tag, {schemaVersion: 2, mediaType: INDEX, manifests})
}

async function tarOf(files: Readonly<Record<string, Buffer>>): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-layer-'))
  try {
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(folder, name), content, {mode: 0o755})
    }
    const owner = ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0']
    const {stdout} = await run('tar', ['-c', ...owner, '-C', folder, ...Object.keys(files)], {
      encoding: 'buffer',
      maxBuffer: 2 ** 30,
    })
    return stdout
  } finally {
    await rm(folder, {recursive: true})
  }
}

function sha256(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
