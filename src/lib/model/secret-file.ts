import type {CatalogSecret} from './catalog.ts'

/** Where the files of secrets are in a container. */
const FOLDER = '/run/secrets'
const SUFFIX = '_FILE'

/** Whether a name is one of a file in that folder: no path, nothing hidden. */
export function isFileName(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}$/.test(name)
}

/**
 * The name of the file that a secret is given as: its own, or, for `file: true`, the one of its variable without
 * `_FILE` at the end.
 * @returns undefined for a secret that is a variable
 */
export function secretFile({env, file}: Pick<CatalogSecret, 'env' | 'file'>): string | undefined {
  if (file !== true) return file
  return env.endsWith(SUFFIX) && env !== SUFFIX ? env.slice(0, -SUFFIX.length) : env
}

/**
 * The variable that tells a server where the file of a secret is, as is the custom of images: `DB_PASSWORD_FILE`
 * for `DB_PASSWORD`.
 * @param file its name, see {@link secretFile}
 */
export function fileVariable(env: string, file: string): readonly [name: string, path: string] {
  return [env.endsWith(SUFFIX) ? env : `${env}${SUFFIX}`, `${FOLDER}/${file}`]
}
