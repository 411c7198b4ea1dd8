import {mkdir, mkdtemp, readdir, rename, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import {exists, lastLines} from './apt.ts'
import {withLock} from './lock.ts'
import {capture, type Outcome} from './process.ts'

/**
 * Unpacks Debian packages into a folder of their own, once on a machine. Other than installed ones they start no
 * service, replace nothing, and do not need root; their programs must be told where their files are.
 * @param name of the folder
 * @param packages all that is needed and not on every Debian: what they depend on is not looked for
 * @param report gets one line when something is downloaded
 * @returns the folder, with `usr`, `etc`, … in it
 * @throws Error with the words of apt-get
 */
export async function unpackDebian(
  name: string,
  packages: readonly string[],
  report: (line: string) => void,
): Promise<string> {
  const parent = join(tmpdir(), `docker-mcp-tools-${process.getuid?.() ?? 'user'}`)
  const root = join(parent, name)
  await mkdir(parent, {recursive: true, mode: 0o700})
  await withLock(`unpack-${name}`, async () => {
    if (await exists(root)) return
    report(`test: downloading ${packages.join(' ')} with apt-get`)
    const folder = await mkdtemp(join(parent, `.${name}-`))
    try {
      await download(packages, folder)
      const files = await readdir(folder)
      for (const file of files)
        must(await capture('dpkg-deb', ['-x', join(folder, file), `${folder}/root`]))
      // All at once, so that what is there is whole.
      await rename(join(folder, 'root'), root)
    } finally {
      await rm(folder, {recursive: true})
    }
  })
  return root
}

/** The environment in which unpacked programs find their libraries. */
export async function unpackedEnv(root: string): Promise<NodeJS.ProcessEnv> {
  const folders = ['lib', 'usr/lib'].map(folder => join(root, folder))
  const names = await Promise.all(folders.map(folder => readdir(folder).catch(() => [])))
  const libraries = folders.flatMap((folder, index) =>
    (names[index] ?? []).filter(each => each.endsWith('-gnu')).map(each => join(folder, each)),
  )
  return {...process.env, LD_LIBRARY_PATH: libraries.join(':')}
}

async function download(packages: readonly string[], folder: string): Promise<void> {
  const fetch = () =>
    capture('apt-get', ['download', '-qq', ...packages], {cwd: folder, timeout: 600_000})
  if ((await fetch()).code === 0) return
  // The package lists of a fresh machine are empty or old.
  await capture('apt-get', ['update', '-qq'], {timeout: 600_000})
  must(await fetch())
}

function must({code, stdout, stderr}: Outcome): void {
  if (code !== 0) throw new Error(lastLines(`${stdout}\n${stderr}`, 10))
}
