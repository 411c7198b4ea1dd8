import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {delimiter, join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {capture} from '../../scripts/process.ts'

const BOOTSTRAP = join(import.meta.dirname, '..', '..', 'scripts', 'bootstrap.mjs')

/** What a project's lock file, and npm's own record of an installation, look like. */
const lockOf = (version: string) =>
  JSON.stringify({
    packages: {
      '': {name: 'project'},
      'node_modules/node': {version, integrity: `sha512-${version}`},
      'node_modules/other-os': {version: '1.0.0', integrity: 'sha512-os', optional: true},
    },
  })
const recordOf = (version: string) =>
  JSON.stringify({packages: {'node_modules/node': {version, integrity: `sha512-${version}`}}})

/** An npm that logs its arguments and PATH and installs just as much as the bootstrap looks for. */
const npmStub = (folder: string) => `#!/bin/sh
echo "npm $*" >> ${folder}/npm.log
echo "PATH $PATH" >> ${folder}/npm.log
echo "to stdout"
if [ -e ${folder}/npm-fails ]; then exit 7; fi
mkdir -p node_modules/node/bin
ln -sf ${process.execPath} node_modules/node/bin/node
echo '{}' > node_modules/.package-lock.json
`

const SHOW = `
process.stdout.write(JSON.stringify({args: process.argv.slice(2), path: process.env.PATH}))
process.exitCode = 5
`

async function makeProject(): Promise<AsyncDisposable & {folder: string}> {
  const folder = await mkdtemp(join(tmpdir(), 'bootstrap-'))
  await mkdir(join(folder, 'scripts'))
  await mkdir(join(folder, 'stubs'))
  await copyFile(BOOTSTRAP, join(folder, 'scripts', 'bootstrap.mjs'))
  await writeFile(join(folder, 'scripts', 'show.ts'), SHOW)
  await writeFile(join(folder, 'package-lock.json'), lockOf('26.0.0'))
  await writeFile(join(folder, 'stubs', 'npm'), npmStub(folder), {mode: 0o755})
  return {folder, [Symbol.asyncDispose]: async () => rm(folder, {recursive: true})}
}

/** As npm leaves it, with a Node of `version` according to its record. */
async function installByHand(folder: string, version: string): Promise<void> {
  const bin = join(folder, 'node_modules', 'node', 'bin')
  await mkdir(bin, {recursive: true})
  await symlink(process.execPath, join(bin, 'node'))
  await writeFile(join(folder, 'node_modules', '.package-lock.json'), recordOf(version))
}

function envOf(folder: string): NodeJS.ProcessEnv {
  const path = [
    join(folder, 'node_modules', '.bin'),
    join(folder, 'stubs'),
    process.env['PATH'] ?? '',
  ]
  return {...process.env, PATH: path.join(delimiter)}
}

async function run(folder: string, ...args: readonly string[]) {
  const bootstrap = join(folder, 'scripts', 'bootstrap.mjs')
  return capture(process.execPath, [bootstrap, ...args], {env: envOf(folder)})
}

async function npmLog(folder: string): Promise<string> {
  return readFile(join(folder, 'npm.log'), 'utf8').catch(() => '')
}

describe('bootstrap', () => {
  test('installs once and runs the script with the pinned Node first on PATH', async () => {
    await using project = await makeProject()
    const {folder} = project
    const first = await run(folder, 'scripts/show.ts', 'a b', '--port', '1')
    expect(first.code).toBe(5)
    expect(first.stderr).toContain('bootstrap: node_modules is missing: running npm ci\n')
    const shown = JSON.parse(first.stdout)
    expect(shown.args).toEqual(['a b', '--port', '1'])
    const pinned = join(folder, 'node_modules', 'node', 'bin')
    expect(shown.path.split(delimiter)[0]).toBe(pinned)

    const second = await run(folder, 'scripts/show.ts')
    expect(second.stderr).toBe('')
    expect((await npmLog(folder)).match(/^npm .*$/gm)).toEqual([
      'npm ci --include=dev --loglevel=error',
    ])
  })

  test('keeps the Node that npm is about to delete from the PATH of npm', async () => {
    await using project = await makeProject()
    await run(project.folder, 'scripts/show.ts')
    const log = await npmLog(project.folder)
    expect(log).toContain(join(project.folder, 'stubs'))
    expect(log).not.toContain(join(project.folder, 'node_modules'))
  })

  test('installs again when the lock file has changed', async () => {
    await using project = await makeProject()
    const {folder} = project
    await run(folder, 'scripts/show.ts')
    await writeFile(join(folder, 'package-lock.json'), lockOf('27.0.0'))
    const again = await run(folder, 'scripts/show.ts')
    expect(again.stderr).toContain('package-lock.json has changed: running npm ci')
    expect(again.code).toBe(5)
  })

  test('accepts what somebody installed by hand from the same lock file', async () => {
    await using project = await makeProject()
    await installByHand(project.folder, '26.0.0')
    const result = await run(project.folder, 'scripts/show.ts')
    expect(result.stderr).toBe('')
    expect(await npmLog(project.folder)).toBe('')
    expect(result.code).toBe(5)
  })

  test('installs when somebody installed by hand from another lock file', async () => {
    await using project = await makeProject()
    await installByHand(project.folder, '25.0.0')
    const {stderr} = await run(project.folder, 'scripts/show.ts')
    expect(stderr).toContain('node_modules does not match package-lock.json: running npm ci')
  })

  test('never installs through a linked node_modules', async () => {
    await using project = await makeProject()
    await using other = await makeProject()
    await installByHand(other.folder, '25.0.0')
    await symlink(join(other.folder, 'node_modules'), join(project.folder, 'node_modules'))
    const result = await run(project.folder, 'scripts/show.ts')
    expect(result.stderr).toContain('left alone, since node_modules is a link')
    expect(await npmLog(project.folder)).toBe('')
    expect(result.code).toBe(5)
    await writeFile(join(project.folder, 'package-lock.json'), lockOf('25.0.0'))
    expect((await run(project.folder, 'scripts/show.ts')).stderr).toBe('')
    expect(await readdir(join(other.folder, 'node_modules'))).not.toContain('.docker-mcp-lock')
  })

  test('ends with the exit code of npm and without a stamp when npm fails', async () => {
    await using project = await makeProject()
    const {folder} = project
    await writeFile(join(folder, 'npm-fails'), '')
    const failed = await run(folder, 'scripts/show.ts')
    expect(failed.code).toBe(7)
    expect(failed.stdout).toBe('')
    expect(failed.stderr).toContain('npm ci failed (exit code 7)')
    await rm(join(folder, 'npm-fails'))
    expect((await run(folder, 'scripts/show.ts')).code).toBe(5)
  })

  test('says how it is used when no script is given', async () => {
    await using project = await makeProject()
    const {code, stderr} = await run(project.folder)
    expect(code).toBe(2)
    expect(stderr).toContain('usage: node scripts/bootstrap.mjs')
  })

  test('passes on a termination signal and the exit code that follows', async () => {
    await using project = await makeProject()
    const {folder} = project
    const wait = `
      process.on('SIGTERM', () => process.exit(42))
      setInterval(() => {}, 1000)
      process.stdout.write('ready')
    `
    await writeFile(join(folder, 'scripts', 'wait.ts'), wait)
    const bootstrap = join(folder, 'scripts', 'bootstrap.mjs')
    const child = spawn(process.execPath, [bootstrap, 'scripts/wait.ts'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: envOf(folder),
    })
    const exit = once(child, 'exit')
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await exit).toEqual([42, null])
  })

  test('ends the script when the shell of npm is killed', async () => {
    await using project = await makeProject()
    const {folder} = project
    await installByHand(folder, '26.0.0')
    const wait = `
      process.on('SIGTERM', () => process.stdout.write('told', () => process.exit()))
      setInterval(() => {}, 1000)
      process.stdout.write('ready ')
    `
    await writeFile(join(folder, 'scripts', 'wait.ts'), wait)
    const bootstrap = join(folder, 'scripts', 'bootstrap.mjs')
    // The second command keeps the shell from becoming the first.
    const command = `"${process.execPath}" "${bootstrap}" scripts/wait.ts; true`
    const shell = spawn('/bin/sh', ['-c', command], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {...envOf(folder), npm_lifecycle_event: 'start'},
    })
    let printed = ''
    for await (const text of shell.stdout.setEncoding('utf8')) {
      printed += text
      if (printed === 'ready ') shell.kill('SIGTERM')
    }
    expect(printed).toBe('ready told')
  })
})
