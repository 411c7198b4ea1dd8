import {PluginError} from '../../base/errors.ts'
import type {Launch} from './launch-file.ts'

/** The flags that gateways are started with stand in files, and in the list of processes, for others to read. */
const WITH_PASSWORD = /:\/\/[^\s/?#@]*:[^\s/?#@]+@/
/** On the web, a name alone may be a token; elsewhere, such as with SSH, it is a user. */
const WITH_NAME = /\bhttps?:\/\/[^\s/?#@]+@/i

/** Whether a text has an address that names a password or a token. */
export function holdsCredentials(text: string): boolean {
  return WITH_PASSWORD.test(text) || WITH_NAME.test(text)
}

/**
 * Refuses a gateway that would be started with a password in its flags.
 * @throws PluginError USAGE naming the flag
 */
export function withoutCredentials(launch: Launch): Launch {
  const words = [...launch.globals, ...launch.flags]
  const at = words.findIndex(holdsCredentials)
  if (at === -1) return launch
  const word = words[at] ?? ''
  const flag = word.startsWith('-') ? word.replace(/=.*/s, '') : (words[at - 1] ?? 'a flag')
  throw new PluginError(
    'USAGE',
    `${flag} holds a password or a token, and flags of a gateway in the background are kept in a file`,
    {hint: `leave it out of ${flag}`},
  )
}

/** @throws PluginError USAGE naming the variable */
export function refuseVariable(name: string): never {
  throw new PluginError('USAGE', `${name} holds a password, and the service would keep it`, {
    hint: `set ${name} without the password; docker context create keeps what leads to an engine`,
  })
}
