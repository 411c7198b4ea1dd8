import {Flags} from '@oclif/core'
import {variable} from './gateway-flags.ts'

const UNBUILT = {helpGroup: 'Not built yet (taken, without effect)'}

const unbuilt = (name: string, summary: string) =>
  Flags.boolean({summary, allowNo: true, env: variable(name), ...UNBUILT})

const unbuiltText = (name: string, summary: string, helpValue: string) =>
  Flags.string({
    summary,
    helpValue,
    multiple: true,
    multipleNonGreedy: true,
    env: variable(name),
    ...UNBUILT,
  })

/** Flags of docker's plugin whose feature is not part of this version: taken, and said to do nothing. */
export const unbuiltFlags = {
  profile: Flags.string({
    summary: 'serve what a named profile has',
    helpValue: '<name>',
    env: variable('profile'),
    ...UNBUILT,
  }),
  'verify-signatures': unbuilt('verify-signatures', 'check the signatures of images'),
  watch: unbuilt('watch', 'follow changes of the files'),
  static: unbuilt('static', 'use servers that somebody else has started'),
  interceptor: unbuiltText(
    'interceptor',
    'run something before or after calls',
    '<when>:<type>:<arg>',
  ),
  'oci-ref': unbuiltText('oci-ref', 'a server that its image describes', '<image>'),
  'mcp-registry': unbuiltText('mcp-registry', 'a server that an MCP registry describes', '<url>'),
  'long-lived': Flags.boolean({
    summary: 'servers live as long as their session; they always do',
    allowNo: true,
    hidden: true,
    env: variable('long-lived'),
  }),
  log: Flags.string({
    summary: 'also write the log to a file',
    helpValue: '<file>',
    hidden: true,
    env: variable('log'),
  }),
}

/** What to say of flags that were given and do nothing. A flag that only says how it is anyway needs no word. */
export function unbuiltNotices(flags: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(unbuiltFlags)
    .filter(name => name !== 'long-lived' && flags[name] !== undefined && flags[name] !== false)
    .map(name => `! --${name} is not built yet: it changes nothing.`)
}
