import {oneLine} from '../../base/one-line.ts'
import type {Environment} from './environment.ts'
import type {Inputs} from './inputs.ts'
import type {Argument} from './server-json.ts'
import {fixedValue, prefixed} from './value.ts'

/**
 * The arguments of a program. What need not be given and has no value to begin with becomes one list, which a user may
 * fill: a template cannot leave out a flag whose value is not set.
 * @throws Inexpressible
 */
export function programArguments(
  given: readonly Argument[],
  inputs: Inputs,
  environment: Environment,
): readonly string[] {
  const optional: string[] = []
  const list = given.flatMap((argument, index) => {
    const fixed = fixedValue(argument, inputs)
    if (argument.type === 'named') {
      const name = argument.name ?? ''
      if (fixed) return environment.argument(prefixed(`${name}=`, fixed))
      if (isBare(argument)) return name === '' ? [] : environment.argument(prefixed(name, []))
      if (!isNeeded(argument)) {
        optional.push(`${name}=… ${argument.description ?? ''}`.trim())
        return []
      }
      const key = name.replace(/^-+/, '') || `argument-${index + 1}`
      return environment.argument(prefixed(`${name}=`, [inputs.variable(key, argument)]))
    }
    if (fixed) return environment.argument(fixed)
    const key = argument.valueHint || argument.name || `argument-${index + 1}`
    return environment.argument([
      inputs.variable(key, argument, {isList: argument.isRepeated === true}),
    ])
  })
  if (optional.length === 0) return list
  const description = `More arguments: ${optional.map(oneLine).join('; ')}`
  return [...list, environment.argument([inputs.extraArguments(description)])]
}

function isNeeded({isRequired, default: byDefault}: Argument): boolean {
  return isRequired === true || Boolean(byDefault)
}

/** Whether it is a flag that stands for itself: nothing says that it has a value. */
function isBare(argument: Argument): boolean {
  const {format, choices, placeholder, valueHint, isSecret} = argument
  const hints = [format, placeholder, valueHint].some(Boolean) || (choices?.length ?? 0) > 0
  return !isNeeded(argument) && !hints && isSecret !== true
}
