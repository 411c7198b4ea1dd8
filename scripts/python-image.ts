import {chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import {PluginError} from '../src/lib/base/errors.ts'
import {ensureImage} from './ensure-image.ts'
import {capture, report as print, runMain} from './process.ts'

type Report = (line: string) => void

const SERVER = join(import.meta.dirname, '..', 'test', 'fixtures', 'python', 'server.py')
const IMAGE = 'localhost/docker-mcp-test/python:latest'
/** Their dependencies are asked of apt, since their names differ between releases. */
const PACKAGES = ['python3-minimal', 'libpython3-stdlib']
/** Of all that Python depends on, what it needs to run; the rest serves the installation of packages. */
const NEEDED = /^(?:python3|libpython3|lib(?!perl)|zlib1g$)/
/** Read by people and installers only. */
const UNREAD = ['doc', 'man', 'locale', 'lintian', 'perl', 'zoneinfo']
/** To be raised when {@link stagePython} makes something else of the same release. */
const REVISION = '2'

/**
 * Builds an image of a small MCP server in Python (test/fixtures/python/server.py), from the packages of the Debian or
 * Ubuntu that this machine runs. It has no shell and runs as user 1000 with a home of its own.
 * @param report gets one line when it is built
 * @returns its name
 * @throws PluginError ENGINE_FAILED when apt or the engine refuses
 */
export async function ensurePythonImage(report: Report): Promise<string> {
  const server = await readFile(SERVER, 'utf8')
  return ensureImage(
    {
      image: IMAGE,
      dockerfile: [
        'FROM scratch',
        'COPY root/ /',
        'COPY app/ /app/',
        'COPY --chown=1000:1000 home/ /home/python/',
        'ENV PATH=/usr/bin PYTHONUNBUFFERED=1 HOME=/home/python',
        'WORKDIR /app',
        'USER 1000:1000',
        'ENTRYPOINT ["python3", "/app/server.py"]',
        '',
      ].join('\n'),
      ingredients: [await readFile('/etc/os-release', 'utf8'), process.arch, REVISION, server],
      stage: async build => {
        await stagePython(join(build, 'root'))
        await mkdir(join(build, 'home'))
        await mkdir(join(build, 'app'))
        await cp(SERVER, join(build, 'app', 'server.py'))
      },
    },
    report,
  )
}

async function stagePython(root: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'python-packages-'))
  try {
    await download(await dependencies(), folder)
    // Newer releases have these folders below usr only, older ones have both; either way all is found.
    for (const name of ['bin', 'lib', 'lib64']) {
      await mkdir(join(root, 'usr', name), {recursive: true})
      await symlink(join('usr', name), join(root, name))
    }
    for (const name of await readdir(folder)) {
      if (name.endsWith('.deb')) await succeed('dpkg-deb', ['-x', join(folder, name), root])
    }
    for (const name of UNREAD)
      await rm(join(root, 'usr/share', name), {recursive: true, force: true})
    await mkdir(join(root, 'tmp'))
    await chmod(join(root, 'tmp'), 0o1777)
  } finally {
    await rm(folder, {recursive: true})
  }
}

async function dependencies(): Promise<readonly string[]> {
  const without = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances']
  const flags = ['--recurse', ...without.map(kind => `--no-${kind}`)]
  const listing = await withLists(async () =>
    capture('apt-cache', ['depends', ...flags, ...PACKAGES]),
  )
  const names = listing.split('\n').filter(line => NEEDED.test(line))
  return [...new Set([...PACKAGES, ...names])]
}

async function download(names: readonly string[], folder: string): Promise<void> {
  await withLists(async () => capture('apt-get', ['download', '-qq', ...names], {cwd: folder}))
}

/** The package lists of a fresh machine are empty, and those of an old one name what is gone. */
async function withLists(task: () => ReturnType<typeof capture>): Promise<string> {
  const first = await task()
  if (first.code === 0 && first.stdout + first.stderr !== '') return first.stdout
  await capture('apt-get', ['update', '-qq'])
  const {code, stdout, stderr} = await task()
  if (code === 0) return stdout
  throw new PluginError('ENGINE_FAILED', `apt does not give the packages of Python: ${stderr}`, {
    hint: 'see that apt-get update works, and try again',
  })
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const {code, stderr} = await capture(command, args)
  if (code !== 0) throw new PluginError('ENGINE_FAILED', `${command} ${args.join(' ')}: ${stderr}`)
}

if (import.meta.main) {
  await runMain(async () => {
    process.stdout.write(`${await ensurePythonImage(print)}\n`)
    return 0
  })
}
