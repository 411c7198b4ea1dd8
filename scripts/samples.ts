import {copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {basename, join} from 'node:path'

import {PluginError} from '../src/lib/base/errors.ts'
import {
  baseRecipe,
  buildImage,
  currentImages,
  ensureBase,
  type ImageRecipe,
  recipeKey,
} from './image.ts'
import {withLock} from './lock.ts'
import {capture, npmCommand, report as print, runMain} from './process.ts'

type Report = (line: string) => void

/** An MCP server that is made into an image from its npm package. */
interface Sample {
  readonly name: string
  readonly npmPackage: string
  /** Set when the server works with files: a folder that is the server's own user's, and its environment. */
  readonly folder?: string
  readonly env?: string
}

const VERSION = '2026.8.31'

const SAMPLES: readonly Sample[] = [
  {name: 'everything', npmPackage: '@modelcontextprotocol/server-everything'},
  {name: 'filesystem', npmPackage: '@modelcontextprotocol/server-filesystem', folder: '/files'},
  {
    name: 'memory',
    npmPackage: '@modelcontextprotocol/server-memory',
    folder: '/data',
    env: 'MEMORY_FILE_PATH=/data/memory.jsonl',
  },
  {name: 'sequentialthinking', npmPackage: '@modelcontextprotocol/server-sequential-thinking'},
]

/**
 * Builds images of four real MCP servers from their npm packages, without an image registry. Images that are
 * current already are left alone.
 * @param report gets one line for each image that is built
 * @returns every sample with its image, built or not
 * @throws PluginError ENGINE_FAILED when npm or the engine refuses
 */
export async function buildSamples(
  report: Report,
): Promise<readonly {name: string; image: string}[]> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-mcp-packages-'))
  try {
    const base = await baseRecipe()
    const packages = packagesRecipe(base, folder)
    const recipes = [packages, ...SAMPLES.map(sample => sampleRecipe(sample, packages, folder))]
    if ((await missing([base, ...recipes])).length > 0) {
      await withLock('images', async () => {
        await ensureBase(report)
        const stale = await missing(recipes)
        if (stale.length > 0) await installServers(folder)
        for (const recipe of stale) {
          report(`images: building ${recipe.image}`)
          await buildImage(recipe)
        }
      })
    }
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
  return SAMPLES.map(({name}) => ({name, image: imageOf(name)}))
}

/**
 * Builds an image whose server is one JavaScript file without packages.
 * @param name becomes `localhost/docker-mcp-test/<name>:latest`
 * @param sourceFile path of an .mjs file; it runs as `node /app/server.mjs` as user 1000
 * @returns the image
 */
export async function importFixture(name: string, sourceFile: string): Promise<string> {
  const base = await baseRecipe()
  const recipe = fixtureRecipe({name, sourceFile, source: await readFile(sourceFile, 'utf8')}, base)
  if ((await missing([base, recipe])).length > 0) {
    await withLock('images', async () => {
      await ensureBase(() => undefined)
      for (const stale of await missing([recipe])) await buildImage(stale)
    })
  }
  return recipe.image
}

async function missing(recipes: readonly ImageRecipe[]): Promise<readonly ImageRecipe[]> {
  const current = await currentImages(recipes)
  return recipes.filter(recipe => !current.has(recipe.image))
}

function imageOf(name: string): string {
  return `localhost/docker-mcp/${name}:${VERSION}`
}

/**
 * What the servers have in common: their packages' dependencies, as one layer. It is by far the most files, and
 * files are what an engine is slow with.
 */
function packagesRecipe(base: ImageRecipe, installed: string): ImageRecipe {
  const servers = SAMPLES.map(({npmPackage}) => join(installed, 'node_modules', npmPackage))
  return {
    image: imageOf('packages'),
    dockerfile: `FROM ${base.image}\nCOPY app/ /app/\n`,
    ingredients: [recipeKey(base), ...SAMPLES.map(({npmPackage}) => npmPackage), VERSION],
    stage: async build => copyRunnable(installed, join(build, 'app'), servers),
  }
}

/** A sample is the common layer with its one server on top. */
function sampleRecipe(sample: Sample, packages: ImageRecipe, installed: string): ImageRecipe {
  const {name, npmPackage, folder, env} = sample
  const place = `/app/node_modules/${npmPackage}`
  const dockerfile = [
    `FROM ${packages.image}`,
    `COPY server/ ${place}/`,
    // A volume takes its owner from the folder that it is mounted on.
    ...(folder === undefined ? [] : [`COPY --chown=1000:1000 own/ ${folder}/`]),
    ...(env === undefined ? [] : [`ENV ${env}`]),
    `LABEL org.opencontainers.image.title=${name} org.opencontainers.image.version=${VERSION}`,
    'WORKDIR /app',
    'USER 1000:1000',
    `ENTRYPOINT ["/usr/local/bin/node", "${place}/dist/index.js"]`,
    '',
  ].join('\n')
  return {
    image: imageOf(name),
    dockerfile,
    ingredients: [recipeKey(packages)],
    stage: async build => {
      await copyRunnable(join(installed, 'node_modules', npmPackage), join(build, 'server'), [])
      if (folder !== undefined) await mkdir(join(build, 'own'))
    },
  }
}

/** Copies packages without the files that only compilers and debuggers read, which is half of them. */
async function copyRunnable(
  source: string,
  target: string,
  except: readonly string[],
): Promise<void> {
  const filter = (path: string) =>
    !except.includes(path) && basename(path) !== '.bin' && !/\.(?:[cm]?ts|map)$/.test(path)
  await cp(source, target, {recursive: true, filter})
}

function fixtureRecipe(
  fixture: {readonly name: string; readonly sourceFile: string; readonly source: string},
  base: ImageRecipe,
): ImageRecipe {
  const dockerfile = [
    `FROM ${base.image}`,
    'COPY app/ /app/',
    'USER 1000:1000',
    'ENTRYPOINT ["/usr/local/bin/node", "/app/server.mjs"]',
    '',
  ].join('\n')
  return {
    image: `localhost/docker-mcp-test/${fixture.name}:latest`,
    dockerfile,
    ingredients: [recipeKey(base), fixture.source],
    stage: async build => {
      await mkdir(join(build, 'app'))
      await copyFile(fixture.sourceFile, join(build, 'app', 'server.mjs'))
    },
  }
}

/** The servers with what they need to run, and none of their install scripts. */
async function installServers(folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{"private": true}\n')
  const [command, ...first] = npmCommand()
  const options = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  const packages = SAMPLES.map(({npmPackage}) => `${npmPackage}@${VERSION}`)
  const {code, stderr} = await capture(
    command,
    [...first, 'install', '--prefix', folder, ...options, ...packages],
    {cwd: folder, timeout: 300_000},
  )
  if (code === 0) return
  throw new PluginError('ENGINE_FAILED', `npm could not install the sample servers: ${stderr}`, {
    hint: 'they come from the npm registry: see that npm ping works, and try again',
  })
}

if (import.meta.main) {
  await runMain(async () => {
    for (const {image} of await buildSamples(print)) process.stdout.write(`${image}\n`)
    return 0
  })
}
