import {Flags} from '@oclif/core'

/** A flag that takes several values, by commas or by being given again; its variable, by commas. Read it with {@link listOf}. */
export const listFlag = (flag: {
  summary: string
  helpValue: string
  helpGroup?: string
  env: string
}) => Flags.string({...flag, multiple: true, multipleNonGreedy: true, delimiter: ','})

/**
 * The values of a {@link listFlag}: what comes from the variable is one text in oclif's hands, whatever its types say.
 * @param given as it is in the parsed flags
 */
export function listOf(
  given: string | readonly string[] | undefined,
): readonly string[] | undefined {
  if (typeof given !== 'string') return given
  // A comma in a value is `\,`, as on the command line.
  return given.split(/(?<!\\),/).map(value => value.trim().replaceAll('\\,', ','))
}

/** The environment variable that stands for a flag. */
export function variable(flag: string): string {
  return `DOCKER_MCP_${flag.toUpperCase().replaceAll('-', '_')}`
}
