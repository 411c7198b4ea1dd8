import {lstat, mkdir, readFile, readlink, rename, symlink} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'

import {PluginError, systemCode} from '../src/lib/base/errors.ts'

/** What linking came to. */
export type LinkOutcome = 'linked' | 'already linked'

/**
 * Makes docker find our program: a link `cli-plugins/docker-mcp` in docker's own folder. An older link to this
 * program, also from another checkout or to one that is gone, is replaced; nothing else is.
 * @param place `dockerConfigDir`: docker's folder; `program`: absolute path of bin/docker-mcp
 * @throws PluginError FILE_DENIED when something that is not our link has that name
 */
export async function linkPlugin(place: {
  readonly dockerConfigDir: string
  readonly program: string
}): Promise<LinkOutcome> {
  const folder = join(place.dockerConfigDir, 'cli-plugins')
  const link = join(folder, 'docker-mcp')
  const found = await describe(link)
  if (found.kind === 'link' && found.target === place.program) return 'already linked'
  if (found.kind === 'other' || (found.kind === 'link' && !(await isOurProgram(found.target)))) {
    const what = found.kind === 'link' ? `a link to ${found.target}` : 'a file of another program'
    throw new PluginError('FILE_DENIED', `${link} is ${what}; it is not ours to replace`, {
      hint: `move it away (mv ${link} ${link}.bak), or use another docker folder: DOCKER_CONFIG=<folder> npm start`,
    })
  }
  await mkdir(folder, {recursive: true})
  // By way of a second name, so that docker never finds the place empty.
  const fresh = `${link}.${process.pid}`
  await symlink(place.program, fresh)
  await rename(fresh, link)
  return 'linked'
}

type Found =
  | {readonly kind: 'nothing'}
  | {readonly kind: 'other'}
  | {readonly kind: 'link'; readonly target: string}

async function describe(link: string): Promise<Found> {
  try {
    if (!(await lstat(link)).isSymbolicLink()) return {kind: 'other'}
    return {kind: 'link', target: resolve(dirname(link), await readlink(link))}
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {kind: 'nothing'}
    throw error
  }
}

/** Every checkout of this project has the program in bin/, below a package.json of this name. */
async function isOurProgram(target: string): Promise<boolean> {
  if (!/[\\/]bin[\\/]docker-mcp$/.test(target)) return false
  try {
    const manifest = await readFile(join(dirname(dirname(target)), 'package.json'), 'utf8')
    return /"name"\s*:\s*"docker-mcp"/.test(manifest)
  } catch (error) {
    // A checkout that was removed leaves a link that helps nobody.
    return systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR'
  }
}
