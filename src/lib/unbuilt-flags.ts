import {Flags} from '@oclif/core'
import {variable} from './list-flag.ts'

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
  static: unbuilt('static', 'use servers that somebody else has started'),
  interceptor: unbuiltText(
    'interceptor',
    'run something before or after calls',
    '<when>:<type>:<arg>',
  ),
  log: Flags.string({
    summary: 'also write the log to a file',
    helpValue: '<file>',
    hidden: true,
    env: variable('log'),
  }),
}

/** What to say of flags that were given and do nothing. */
export function unbuiltNotices(flags: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(unbuiltFlags)
    .filter(name => flags[name] !== undefined && flags[name] !== false)
    .map(name => `! --${name} is not built yet: it changes nothing.`)
}
