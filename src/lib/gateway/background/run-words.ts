import {execFile} from 'node:child_process'
import {promisify} from 'node:util'

const MOST_MS = 60_000

/**
 * Runs a program of the system to its end.
 * @returns what it wrote to stdout
 * @throws the error of execFile, with what it said
 */
export async function runWords(
  [program = '', ...words]: readonly string[],
  env: NodeJS.ProcessEnv = sessionEnv(process.env),
): Promise<string> {
  const {stdout} = await promisify(execFile)(program, words, {
    env,
    timeout: MOST_MS,
    windowsHide: true,
  })
  return stdout
}

/** Where systemctl finds the user's own systemd: clients start us with next to no variables (pam_systemd(8)). */
function sessionEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const uid = process.getuid?.()
  if (process.platform !== 'linux' || uid === undefined || env['XDG_RUNTIME_DIR']) return env
  return {...env, XDG_RUNTIME_DIR: `/run/user/${uid}`}
}
