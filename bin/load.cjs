// Loads dist/main.cjs with the code that V8 compiled for it in an earlier run. Node's own compile cache keeps what is
// compiled at first sight only; this one also has every function that a command like this one used, which makes most
// commands a fifth quicker.
const {mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync} = require('node:fs')
const {createRequire} = require('node:module')
const {dirname, join} = require('node:path')
const {pathToFileURL} = require('node:url')
const {Script} = require('node:vm')

// What modules are wrapped in (Node's documentation of CommonJS modules, "The module wrapper"). `_load_` stands for
// `import()`, which a script of node:vm only has as an experiment; the build writes it.
const HEAD = '(function (exports, require, module, __filename, __dirname, _load_) { '
const TAIL = '\n})'
/** The build ends the program with a digest of it: V8 itself would take any text of the same length for the same. */
const DIGEST = /^\/\/ ([0-9a-f]{64})\s*$/

/**
 * What the program exports.
 * @param program its file; the build writes nothing but ASCII to it
 * @param caches the folder for compiled code. One that cannot be used is no error
 * @param words the command line: each command keeps code of its own
 */
module.exports = function load(program, caches, words) {
  const source = readFileSync(program, 'latin1')
  const file = cacheFile(source, caches, words)
  const cachedData = file && read(file)
  const script = new Script(HEAD + source + TAIL, {
    filename: program,
    columnOffset: -HEAD.length,
    cachedData,
  })
  const found = {exports: {}}
  const requireThere = createRequire(program)
  const importThere = name => import(pathToFileURL(requireThere.resolve(name)))
  const folder = dirname(program)
  const parts = [found.exports, requireThere, found, program, folder, importThere]
  script.runInThisContext().apply(found.exports, parts)
  if (file && (!cachedData || script.cachedDataRejected)) {
    process.on('exit', code => {
      // A mistyped command must not keep anything.
      if (code === 0) keep(file, script.createCachedData())
    })
  }
  return found.exports
}

function cacheFile(source, caches, words) {
  const [, digest] = DIGEST.exec(source.slice(source.lastIndexOf('\n//') + 1)) ?? []
  if (!digest) return undefined
  const end = words.findIndex(word => !/^[a-z][a-z-]{0,30}$/.test(word))
  const command = words.slice(0, end === -1 ? 2 : Math.min(end, 2)).join('.')
  return join(
    caches,
    `${digest.slice(0, 16)}-${process.versions.v8}-${process.arch}`,
    command || 'any',
  )
}

function read(file) {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

function keep(file, data) {
  const folder = dirname(file)
  const draft = `${file}.${process.pid}`
  try {
    if (mkdirSync(folder, {recursive: true, mode: 0o700}) !== undefined) forgetOthers(folder)
    // After a power cut, a renamed file may hold holes, and V8 trusts what it is given.
    writeFileSync(draft, data, {mode: 0o600, flush: true})
    renameSync(draft, file)
  } catch {
    dispose(draft)
  }
}

function dispose(draft) {
  try {
    rmSync(draft, {force: true})
  } catch {
    // Its folder is none.
  }
}

/** Code of other versions of the program is of no use any more. */
function forgetOthers(folder) {
  const all = dirname(folder)
  for (const name of readdirSync(all)) {
    const other = join(all, name)
    if (other !== folder) rmSync(other, {recursive: true, force: true})
  }
}
