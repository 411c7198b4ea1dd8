import {realpath} from 'node:fs/promises'
import {join, resolve} from 'node:path'
import {homeDir} from '../files/paths.ts'
import type {StoreInput} from './store.ts'

/**
 * A user's keyring is one for all folders of docker (`--config`, `DOCKER_CONFIG`): what is kept there for one that is
 * not the usual one has to be told from what belongs to others.
 * @returns the folder, whatever links lead to it; undefined for the usual one, `.docker` in the home
 */
export async function otherFolder({paths, env, cwd}: StoreInput): Promise<string | undefined> {
  const [own, usual] = await Promise.all([
    real(resolve(cwd, paths.dockerConfigDir)),
    real(join(homeDir(env), '.docker')),
  ])
  return own === usual ? undefined : own
}

async function real(folder: string): Promise<string> {
  return realpath(folder).catch(() => folder)
}
