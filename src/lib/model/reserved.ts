/** Where our own programs are inside every container. */
export const PROGRAMS_PATH = '/.docker-mcp'
/** Where secrets are files. */
export const SECRETS_PATH = '/run/secrets'
/** What is the system's or ours in every container; many images call /run by its old name, too. */
const RESERVED = [PROGRAMS_PATH, SECRETS_PATH, `/var${SECRETS_PATH}`, '/proc', '/sys', '/dev']

/** @returns the folder, this one or one that it is in, that a server cannot have something else at */
export function reservedPlace(path: string): string | undefined {
  return RESERVED.find(folder => `${path}/`.startsWith(`${folder}/`))
}
