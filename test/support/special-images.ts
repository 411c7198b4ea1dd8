import {spawn} from 'node:child_process'
import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'

import {ensureImage} from '../../scripts/ensure-image.ts'
import {ensureBase, type ImageRecipe, recipeKey} from '../../scripts/image.ts'
import {capture} from '../../scripts/process.ts'
import {staticProgram} from './static-program.ts'

/** An image that no Dockerfile makes: exactly these files, and a configuration that may say anything. */
export interface SpecialImage {
  /** With its tag. */
  readonly name: string
  /** What its configuration says, whatever its programs are made for; this machine's when nothing is said. */
  readonly architecture?: string
  /** Members of the image's `config`, as in the OCI image specification. */
  readonly config: Readonly<Record<string, unknown>>
  /** Contents by absolute path. Files are readable and executable for everybody. */
  readonly files: Readonly<Record<string, Buffer>>
}

const ROOT = join(import.meta.dirname, '..', '..')

/**
 * Loads an image into an engine, as `docker load` takes it, so that it works without builder and registry.
 * @param host as in `DOCKER_HOST`; undefined: the engine of docker itself
 */
export async function loadImage(image: SpecialImage, host?: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'special-image-'))
  try {
    await writeImage(image, folder)
    const archive = spawn('tar', ['-c', '-C', folder, 'manifest.json', 'config.json', 'layer.tar'])
    const load = spawn('docker', [...hostFlags(host), 'load', '--quiet'], {stdio: 'pipe'})
    // What it has not read of the padding at the end, it did not need; its exit code tells the rest.
    load.stdin.on('error', () => undefined)
    archive.stdout.pipe(load.stdin)
    let words = ''
    load.stderr.setEncoding('utf8').on('data', (text: string) => (words += text))
    load.stdout.resume()
    const [code] = await once(load, 'close')
    if (code !== 0) throw new Error(`${image.name} was not loaded: ${words}`)
  } finally {
    await rm(folder, {recursive: true})
  }
}

/** The parts of an archive as `docker save` writes it (Docker Image Specification 1.2). */
async function writeImage({name, architecture, config, files}: SpecialImage, folder: string) {
  const root = join(folder, 'root')
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), {recursive: true})
    await writeFile(join(root, path), content, {mode: 0o755})
  }
  const layer = join(folder, 'layer.tar')
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--sort=name']
  await succeed('tar', ['-c', '-f', layer, ...owner, '-C', root, '.'])
  const description = {
    architecture: architecture ?? (process.arch === 'x64' ? 'amd64' : process.arch),
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config,
    rootfs: {type: 'layers', diff_ids: [`sha256:${digest(await readFile(layer))}`]},
    history: [{created: '1970-01-01T00:00:00Z'}],
  }
  const manifest = [{Config: 'config.json', RepoTags: [name], Layers: ['layer.tar']}]
  await writeFile(join(folder, 'config.json'), JSON.stringify(description))
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
}

/**
 * An image FROM scratch with test/fixtures/servers/static-server.c and nothing else.
 * @param name with its tag
 * @param config further members of the image's configuration
 */
export async function scratchImage(
  name: string,
  config: Readonly<Record<string, unknown>> = {},
  architecture?: string,
): Promise<SpecialImage> {
  return {
    name,
    ...(architecture !== undefined && {architecture}),
    config: {Entrypoint: ['/static-server'], Env: ['FROM_IMAGE=yes'], ...config},
    files: {'/static-server': await staticProgram('servers/static-server.c')},
  }
}

/**
 * An image of the hostile server: the node image without a shell, test/fixtures/hostile/server.mjs, and the program
 * that makes system calls for it. It stays on the engine that docker uses until its parts change.
 * @param variant `root` runs as root, `user` as user 1000; both have a VOLUME /cache
 * @returns its name
 */
export async function hostileImage(variant: 'root' | 'user'): Promise<string> {
  const folder = join(ROOT, 'test', 'fixtures', 'hostile')
  const [server, attempts] = [await readFile(join(folder, 'server.mjs')), 'hostile/attempts.c']
  const user = variant === 'root' ? [] : ['USER 1000:1000']
  return ensure(async base => ({
    image: `localhost/docker-mcp-test/hostile-${variant}:latest`,
    dockerfile: [
      `FROM ${base.image}`,
      'COPY app/ /app/',
      'COPY --chown=1000:1000 empty/ /cache/',
      'VOLUME /cache',
      ...user,
      'ENTRYPOINT ["/usr/local/bin/node", "/app/server.mjs"]',
      '',
    ].join('\n'),
    ingredients: [recipeKey(base), digest(server), digest(await staticProgram(attempts))],
    stage: async build => {
      await mkdir(join(build, 'app'))
      await mkdir(join(build, 'empty'))
      await writeFile(join(build, 'app', 'server.mjs'), server)
      await writeFile(join(build, 'app', 'attempts'), await staticProgram(attempts), {mode: 0o755})
    },
  }))
}

/**
 * An image of the program itself, as built in dist/: `docker run -i` with the engine's socket mounted reads one line,
 * a JSON object of files by their paths, and then is a gateway over stdio.
 * @returns its name
 */
export async function gatewayImage(): Promise<string> {
  const start = await readFile(join(ROOT, 'test', 'fixtures', 'hostile', 'gateway-start.mjs'))
  const built = await capture('sh', ['-c', 'cat dist/* | sha256sum'], {cwd: ROOT})
  return ensure(async base => ({
    image: 'localhost/docker-mcp-test/gateway:latest',
    dockerfile: [
      `FROM ${base.image}`,
      'COPY app/ /app/',
      'ENV HOME=/tmp',
      'ENTRYPOINT ["/usr/local/bin/node", "/app/gateway-start.mjs"]',
      '',
    ].join('\n'),
    ingredients: [recipeKey(base), digest(start), built.stdout],
    stage: async build => {
      const app = join(build, 'app')
      for (const part of ['bin', 'catalogs', 'dist'])
        await cp(join(ROOT, part), join(app, part), {recursive: true})
      await copyFile(join(ROOT, 'package.json'), join(app, 'package.json'))
      await writeFile(join(app, 'gateway-start.mjs'), start)
    },
  }))
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Builds an image on top of the node image, unless the engine has it as its recipe would make it. */
async function ensure(recipeOn: (base: ImageRecipe) => Promise<ImageRecipe>): Promise<string> {
  const recipe = await recipeOn(await ensureBase(() => undefined))
  await ensureImage(recipe)
  return recipe.image
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const {code, stderr} = await capture(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}

function hostFlags(host: string | undefined): readonly string[] {
  return host === undefined ? [] : ['--host', host]
}
