import {readFile} from 'node:fs/promises'
import {systemCode} from '../base/errors.ts'

/**
 * Engines give every container its own `/etc/hostname`, mounted from a file that carries the container's id
 * (Docker, Podman), or the pod's (Kubernetes). A file such as `/.dockerenv` is no sign: it is in every disk image that
 * was once made of a container.
 */
const OWN_FILE =
  /^\S+ \S+ \S+ (\S*(?:containers?|pods)\/\S*[0-9a-f-]{36,}\/\S*(?:hostname|hosts|etc-hosts|resolv\.conf)) \/etc\//m

/**
 * Whether this program runs in a container itself. Then its files are not those that the engine sees, although the
 * engine's socket is here.
 */
export async function runsInContainer(): Promise<boolean> {
  try {
    return showsContainer(await readFile('/proc/self/mountinfo', 'utf8'))
  } catch (error) {
    // There is no such file where there are no Linux containers.
    if (['ENOENT', 'EACCES'].includes(systemCode(error) ?? '')) return false
    throw error
  }
}

/** @param mountinfo as in proc_pid_mountinfo(5) */
export function showsContainer(mountinfo: string): boolean {
  return OWN_FILE.test(mountinfo)
}
