/**
 * `npm run build`: bundles the program into dist/. Bundled because Node finds and reads one file much faster than
 * the four hundred of its libraries; split, so that a command loads only what it uses.
 */
import child_process from 'node:child_process'
import crypto, {createHash} from 'node:crypto'
import {readFileSync} from 'node:fs'
import {mkdir, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {builtinModules} from 'node:module'
import {basename, dirname, join} from 'node:path'
import util from 'node:util'
import {build, type BuildOptions, type Plugin} from 'esbuild'
import {parseYamlMap} from '../src/lib/files/yaml.ts'
import {parseCatalog} from '../src/lib/model/catalog.ts'
import {gatewayFileSchemaText} from '../src/lib/model/gateway-file.ts'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

/**
 * oclif's modules require all of each other at the top, help pages, plugin discovery and spinners included: 50 ms
 * for a command that uses a tenth. Each such line becomes a require on first use.
 */
const deferOclif: Plugin = {
  name: 'defer-oclif',
  setup(context) {
    context.onLoad({filter: /@oclif[\\/]core[\\/]lib[\\/].*\.js$/}, ({path}) => ({
      contents: `${DEFER}${readFileSync(path, 'utf8').replace(TOP_LEVEL_REQUIRE, 'const $1 = __defer(() => $2);').replace(NODE_CHECK, '')}`,
      loader: 'js',
    }))
  },
}
const TOP_LEVEL_REQUIRE = /^(?:const|var) (\w+) = ((?:__import\w+\()?require\("[^"]+"\)\)?);$/gm
/** Compares Node's version with the one wanted, by way of a library; bin/docker-mcp.cjs has done so already. */
const NODE_CHECK = /^checkNodeVersion\(\);$/m
const DEFER = `const __defer = load => { let loaded; const get = () => (loaded ??= load()); return new Proxy(function () {}, {
  get: (_, key) => get()[key], has: (_, key) => key in get(),
  apply: (_, self, args) => get().apply(self, args), construct: (_, args) => Reflect.construct(get(), args) }) };
`

/**
 * Importing one of Node's own modules into an ES module reads every one of its members, and with them loads parts
 * that nobody uses (16 ms for `node:fs`). Asked for as a whole, they are read where they are used.
 */
const nodeModules: Plugin = {
  name: 'node-modules',
  setup(context) {
    const names = new RegExp(`^(node:)?(${builtinModules.join('|')})$`)
    context.onResolve({filter: names}, ({path}) => ({path, namespace: 'node'}))
    context.onLoad({filter: /.*/, namespace: 'node'}, ({path}) => {
      const lazy = LAZY[path.replace('node:', '')]
      return {
        contents: lazy
          ? lazyModule(path, Object.keys(lazy))
          : `module.exports = process.getBuiltinModule('${path}')`,
      }
    })
  },
}
/** Those of which even the list of members costs 4 to 10 ms. */
const LAZY: Readonly<Record<string, object>> = {child_process, crypto, util}
const lazyModule = (path: string, names: readonly string[]) => `
for (const name of ${JSON.stringify(names)}) Object.defineProperty(exports, name, {
  enumerable: true, get: () => process.getBuiltinModule('${path}')[name] })`

const SDK = '@modelcontextprotocol/sdk'
/**
 * Heavy libraries that our files import where they use them: files of their own, read when they are first used.
 */
const APART: Readonly<Record<string, {libraries: readonly string[]; contents: string}>> = {
  './conf.mjs': {libraries: ['conf'], contents: "export {default} from 'conf'"},
  './dockerode.mjs': {libraries: ['dockerode'], contents: "export {default} from 'dockerode'"},
  './sigstore.mjs': {
    libraries: ['@sigstore/bundle', '@sigstore/verify'],
    contents: `export {bundleFromJSON, isBundleWithPublicKey} from '@sigstore/bundle'
      export {toSignedEntity, toTrustMaterial, Verifier} from '@sigstore/verify'`,
  },
  './mcp-client.mjs': {
    libraries: [`${SDK}/client/index.js`, `${SDK}/types.js`],
    contents: `export {Client} from '${SDK}/client/index.js'
      export {CallToolResultSchema} from '${SDK}/types.js'`,
  },
}
const apart: Plugin = {
  name: 'apart',
  setup(context) {
    context.onResolve({filter: /^[^.]/}, ({path}) => {
      const file = Object.keys(APART).find(name => APART[name]?.libraries.includes(path))
      return file === undefined ? undefined : {path: file, external: true}
    })
    context.onResolve({filter: /ui\/[\w-]+\.tsx$/}, ({path}) => ({
      path: `./${basename(path, '.tsx')}.mjs`,
      external: true,
    }))
    context.onResolve({filter: /\/keyring-program\.ts$/}, () => ({
      path: './keyring-program.mjs',
      external: true,
    }))
  },
}

/** What dockerode brings for image builds and ssh, and ink for debugging, none of which is called: an error if it ever is. */
const NEVER_CALLED =
  /^(@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|tar-fs|@balena\/dockerignore|ssh2|react-devtools-core)$/
const leaveOut: Plugin = {
  name: 'leave-out',
  setup(context) {
    context.onResolve({filter: NEVER_CALLED}, ({path}) => ({path, namespace: 'left-out'}))
    context.onLoad({filter: /.*/, namespace: 'left-out'}, ({path}) => ({
      contents: `const absent = () => { throw new Error('${path} is not part of this program') }
module.exports = new Proxy(absent, {get: () => absent})`,
    }))
  },
}

await rm(dist, {recursive: true, force: true})
const asModule: BuildOptions = {
  format: 'esm',
  banner: {
    js: "const require=process.getBuiltinModule('node:module').createRequire(import.meta.url);",
  },
}
const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node22',
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  // What it offers to CommonJS asks for its parts by names that a bundler cannot see.
  alias: {'jsonc-parser': join(root, 'node_modules/jsonc-parser/lib/esm/main.js')},
  define: {
    'process.env.DEV': '"false"',
    'process.env.NODE_ENV': '"production"',
    'process.env.DOCKER_MCP_CHECKS': JSON.stringify(await checksDigest()),
  },
  logLevel: 'warning',
}
await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: join(dist, 'main.cjs'),
  // CommonJS: Node reads it faster, and a module in the bundle runs when it is first asked for, not before.
  format: 'cjs',
  plugins: [apart, nodeModules, deferOclif],
})
await sealProgram(join(dist, 'main.cjs'))
await build({
  ...common,
  entryPoints: ['src/reaper.ts'],
  outfile: join(dist, 'reaper.cjs'),
  format: 'cjs',
  plugins: [apart, nodeModules],
})
for (const [file, {contents}] of Object.entries(APART)) {
  await build({
    ...common,
    ...asModule,
    stdin: {contents, resolveDir: root},
    outfile: join(dist, file),
    minifyIdentifiers: true,
    plugins: [leaveOut],
  })
}
await build({
  ...common,
  // ink's layout engine needs top-level await, which CommonJS does not have.
  ...asModule,
  entryPoints: ['src/lib/ui/progress.tsx', 'src/lib/ui/status-screen.tsx'],
  // They share ink, in a file of its own.
  splitting: true,
  outdir: dist,
  outExtension: {'.js': '.mjs'},
  plugins: [leaveOut],
})
await build({
  ...common,
  ...asModule,
  entryPoints: ['src/lib/secrets/keyring-program.ts'],
  outfile: join(dist, 'keyring-program.mjs'),
  // It has parts that no bundle can hold: found in node_modules, where there is one.
  external: ['@napi-rs/keyring'],
})
await writeCatalog()
await writeSchema()

/** Tells versions of the program apart that read catalogs differently: a copy of what one read is nothing to another. */
async function checksDigest(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(root, 'package-lock.json')))
  for (const folder of ['base', 'files', 'model', 'catalog']) {
    const dir = join(root, 'src/lib', folder)
    const names = (await readdir(dir)).filter(name => name.endsWith('.ts')).toSorted()
    for (const name of names) hash.update(await readFile(join(dir, name)))
  }
  return hash.digest('hex')
}

/**
 * Makes the program one that bin/load.cjs can load: `import()` is `_load_()`, a word as long, so that the source map stays
 * true; at the end stands a digest, which tells whose compiled code is whose.
 */
async function sealProgram(file: string): Promise<void> {
  const text = (await readFile(file, 'latin1')).replaceAll(/\bimport\((?=")/g, '_load_(')
  await writeFile(file, `${text}// ${createHash('sha256').update(text).digest('hex')}\n`, 'latin1')
}

/**
 * The embedded catalog, checked and as JSON: reading its YAML and checking it at every `server ls` would be half of
 * what that command takes.
 */
async function writeCatalog(): Promise<void> {
  const file = join(root, 'catalogs/docker-mcp.yaml')
  const {catalog, problems} = parseCatalog(parseYamlMap(await readFile(file, 'utf8'), file), file)
  if (problems.length > 0) throw new Error(`${file}: ${JSON.stringify(problems)}`)
  const value = {...catalog, servers: [...catalog.servers]}
  await writeFile(join(dist, 'catalog.json'), JSON.stringify(value))
}

/** The schema of the gateway's own file is part of the repository, for editors and for whoever reads it there. */
async function writeSchema(): Promise<void> {
  const file = join(root, 'schemas', 'mcp-gateway-config.schema.json')
  await mkdir(dirname(file), {recursive: true})
  await writeFile(file, gatewayFileSchemaText())
}
