import {OUTSIDE_VARIABLES} from './net/variables.ts'
import {runFlags} from './run-flags.ts'

/** What a program needs to run at all, and what leads to secrets, the engine and the outside. Windows' names below. */
const PASSED: ReadonlySet<string> = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TMPDIR',
  ...OUTSIDE_VARIABLES,
  'DBUS_SESSION_BUS_ADDRESS',
  'SSH_AUTH_SOCK',
  'GNUPGHOME',
  'PASSWORD_STORE_DIR',
  'MCP_GATEWAY_AUTH_TOKEN',
  'SYSTEMROOT',
  'SYSTEMDRIVE',
  'WINDIR',
  'COMSPEC',
  'PATHEXT',
  'TEMP',
  'TMP',
  'OS',
  'USERPROFILE',
  'USERNAME',
  'USERDOMAIN',
  'HOMEDRIVE',
  'HOMEPATH',
  'APPDATA',
  'LOCALAPPDATA',
  'PROGRAMDATA',
  'PROGRAMFILES',
  'PROGRAMFILES(X86)',
  'PROGRAMW6432',
  'PUBLIC',
  'COMPUTERNAME',
  'ALLUSERSPROFILE',
  'NUMBER_OF_PROCESSORS',
  'PROCESSOR_ARCHITECTURE',
  'WSL_DISTRO_NAME',
])
/** Of these every one. */
const FAMILIES = /^(?:DOCKER_|XDG_|LC_)/

/** They are flags of the gateway by now (see `launchOf`), or are nothing to it. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  ...Object.values(runFlags).flatMap(({env}) => env ?? []),
  'DOCKER_MCP_PROFILE',
  'DOCKER_MCP_PROFILE_FILE',
  'DOCKER_MCP_DRY_RUN',
])

/**
 * What a gateway in the background gets of the environment of whoever starts it: many clients share it, so that what
 * only the first of them knows stays with that.
 */
export function gatewayEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => {
      // Case does not count on Windows, nor in the names of proxies.
      const known = name.toUpperCase()
      return !NOT_PASSED.has(known) && (PASSED.has(known) || FAMILIES.test(known))
    }),
  )
}
