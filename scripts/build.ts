/**
 * `npm run build`: bundles the program into dist/. Bundled because Node finds and reads one file much faster than
 * the four hundred of its libraries; split, so that a command loads only what it uses.
 */
import {readFileSync} from 'node:fs'
import {readFile, rm, writeFile} from 'node:fs/promises'
import {builtinModules} from 'node:module'
import {join} from 'node:path'
import {build, type BuildOptions, type Plugin} from 'esbuild'
import {parseYamlMap} from '../src/lib/files/yaml.ts'
import {parseCatalog} from '../src/lib/model/catalog.ts'

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
    context.onLoad({filter: /.*/, namespace: 'node'}, ({path}) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }))
  },
}

const SDK = '@modelcontextprotocol/sdk'
/**
 * Heavy libraries that our files import where they use them: files of their own, read when they are first used.
 */
const APART: Readonly<Record<string, {libraries: readonly string[]; contents: string}>> = {
  './conf.mjs': {libraries: ['conf'], contents: "export {default} from 'conf'"},
  './dockerode.mjs': {libraries: ['dockerode'], contents: "export {default} from 'dockerode'"},
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
    context.onResolve({filter: /ui\/progress\.tsx$/}, () => ({
      path: './progress.mjs',
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
  define: {'process.env.DEV': '"false"', 'process.env.NODE_ENV': '"production"'},
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
  entryPoints: ['src/lib/ui/progress.tsx'],
  outfile: join(dist, 'progress.mjs'),
  plugins: [leaveOut],
})
await writeCatalog()

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
