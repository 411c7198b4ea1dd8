// Runs a TypeScript script with the Node that package-lock.json pins, after making sure that node_modules is
// what the lock file says: node scripts/bootstrap.mjs <script.ts> [args…]
// Plain JavaScript without dependencies: this is the one file that whatever Node is on the machine must run.
import {spawn, spawnSync} from 'node:child_process'
import {createHash} from 'node:crypto'
import {existsSync, lstatSync, readFileSync, writeFileSync} from 'node:fs'
import {constants} from 'node:os'
import {delimiter, dirname, join, resolve, sep} from 'node:path'
import {fileURLToPath} from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.docker-mcp-lock')
const windows = process.platform === 'win32'
const pinnedNode = join(modules, 'node', 'bin', windows ? 'node.exe' : 'node')

const LIBRARIES =
  'if libatomic.so.1 is missing: apt-get install libatomic1 (Debian), dnf install libatomic (Fedora)'

const [script, ...args] = process.argv.slice(2)
if (script === undefined) fail('usage: node scripts/bootstrap.mjs <script.ts> [args…]', 2)
installPackages()
runScript(script, args)

function installPackages() {
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8')
  const stamp = createHash('sha256').update(lockText).digest('hex')
  const reason = staleness(lockText, stamp)
  if (reason === undefined) return
  // npm ci empties the folder behind a link too, which then belongs to another checkout.
  if (isLink(modules)) {
    if (reason !== 'unstamped') say(`${reason}; left alone, since node_modules is a link`)
    return
  }
  if (reason !== 'unstamped') {
    installLibatomic()
    say(`${reason}: running npm ci`)
    // Everything is needed to build and test, so NODE_ENV=production must not leave the tools out. The warnings
    // are about the Node that runs npm, which is not the one that runs the packages.
    const code = runNpm(['ci', '--include=dev', '--loglevel=error'])
    if (code !== 0) {
      fail(`npm ci failed (exit code ${code}); its own words are above\n  ${LIBRARIES}`, code)
    }
  }
  provePinnedNode()
  writeFileSync(stampFile, `${stamp}\n`)
}

/** Why node_modules cannot be used as it is; undefined when it can; 'unstamped' when only the stamp is missing. */
function staleness(lockText, stamp) {
  const record = readText(join(modules, '.package-lock.json'))
  if (record === undefined) return 'node_modules is missing'
  if (!existsSync(pinnedNode)) return 'the pinned Node is not in node_modules'
  const known = readText(stampFile)?.trim()
  if (known === stamp) return undefined
  if (known !== undefined) return 'package-lock.json has changed'
  // Somebody ran npm ci by hand: npm's own record tells whether it was with this lock file.
  return isSameTree(lockText, record)
    ? 'unstamped'
    : 'node_modules does not match package-lock.json'
}

function isSameTree(lockText, recordText) {
  try {
    const wanted = JSON.parse(lockText).packages
    const found = JSON.parse(recordText).packages
    const isEqual = path =>
      wanted[path]?.version === found[path]?.version &&
      wanted[path]?.integrity === found[path]?.integrity
    const isExpected = path => path === '' || (wanted[path].optional && !found[path])
    return (
      Object.keys(found).every(isEqual) &&
      Object.keys(wanted).every(path => isExpected(path) || isEqual(path))
    )
  } catch {
    return false
  }
}

/**
 * The pinned Node is linked against libatomic, which a small Debian does not have, and npm ci runs install
 * scripts with that Node already.
 */
function installLibatomic() {
  if (process.platform !== 'linux') return
  const known = spawnSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: {...process.env, PATH: `/usr/sbin:/sbin${delimiter}${process.env.PATH ?? ''}`},
  })
  if (known.status !== 0 || known.stdout.includes('libatomic.so.1')) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  say('the pinned Node needs libatomic1: installing it with apt-get')
  const options = ['install', '-y', '-qq', '--no-install-recommends', 'libatomic1']
  if (apt(options, 'ignore')) return
  // The package lists of a fresh machine are empty or old.
  apt(['update', '-qq'], 2)
  apt(options, 2)
}

function apt(aptArgs, words) {
  const env = {...process.env, DEBIAN_FRONTEND: 'noninteractive'}
  return spawnSync('apt-get', aptArgs, {stdio: ['ignore', 'ignore', words], env}).status === 0
}

function provePinnedNode() {
  const {status, stderr, error} = spawnSync(pinnedNode, ['--version'], {encoding: 'utf8'})
  if (status !== 0) fail(`the pinned Node does not run: ${stderr || error}\n  ${LIBRARIES}`, 1)
}

/** npm without our node_modules on its PATH: it must not run on a Node that it is about to delete. */
function runNpm(npmArgs) {
  const env = {...process.env}
  const key = pathKey(env)
  env[key] = (env[key] ?? '')
    .split(delimiter)
    .filter(folder => !isOurs(folder))
    .join(delimiter)
  const result = spawnSync('npm', npmArgs, {
    cwd: root,
    env,
    stdio: ['ignore', 2, 2],
    shell: windows,
  })
  if (result.error) fail(`npm could not be started (${result.error.message}): is it on PATH?`, 1)
  return result.status ?? 1
}

function runScript(file, scriptArgs) {
  const env = {...process.env}
  const key = pathKey(env)
  const first = [dirname(pinnedNode), join(modules, '.bin')]
  env[key] = [...first, env[key] ?? ''].join(delimiter)
  const child = spawn(pinnedNode, [resolve(root, file), ...scriptArgs], {stdio: 'inherit', env})
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // The terminal has already sent these to the whole foreground group; twice would mean "now".
      if (signal !== 'SIGTERM' && process.stdin.isTTY) return
      child.kill(signal)
    })
  }
  if (process.env.npm_lifecycle_event !== undefined) endWithParent(child)
  child.on('error', error => fail(`${file} could not be started: ${error.message}`, 1))
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0))
  })
}

/** A signal to npm ends the shell between npm and us, and nothing but our new parent tells. */
function endWithParent(child) {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    child.kill('SIGTERM')
  }, 250)
}

function isOurs(folder) {
  return (resolve(folder) + sep).startsWith(modules + sep)
}

/** Windows spells it `Path`. */
function pathKey(env) {
  return Object.keys(env).find(name => name.toUpperCase() === 'PATH') ?? 'PATH'
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  }
}

function isLink(path) {
  return lstatSync(path, {throwIfNoEntry: false})?.isSymbolicLink() ?? false
}

function say(line) {
  process.stderr.write(`bootstrap: ${line}\n`)
}

function fail(line, code) {
  say(line)
  process.exit(code)
}
