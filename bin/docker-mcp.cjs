// The entry that any Node can read: it says when the Node is too old, before anything of ours is loaded.
const {existsSync} = require('node:fs')
const {enableCompileCache} = require('node:module')
const {homedir} = require('node:os')
const {join} = require('node:path')

const root = join(__dirname, '..')
const program = join(root, 'dist', 'main.cjs')
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 22)) {
  stop(
    `docker mcp needs Node.js 22.22 or newer, this one is ${process.versions.node} (${process.execPath}).`,
  )
} else if (!existsSync(program)) {
  stop('docker mcp is not built yet. In its folder, run: npm ci && npm run build')
} else {
  // What libraries do that Node will not like one day is nothing that the user can act on.
  process.noDeprecation = true
  // Compiled code is kept between runs, which makes them twice as quick. A folder that cannot be written is no error.
  const caches = join(
    process.env.XDG_CACHE_HOME || join(process.env.HOME || homedir(), '.cache'),
    'docker-mcp',
  )
  enableCompileCache(join(caches, 'compile'))
  const words = process.argv.slice(process.argv[2] === 'mcp' ? 3 : 2)
  void require('./load.cjs')(program, join(caches, 'code'), words).main(process, root)
}

function stop(reason) {
  process.stderr.write(`${reason}\n`)
  process.exitCode = 1
}
