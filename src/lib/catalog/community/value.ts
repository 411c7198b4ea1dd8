import type {Inputs} from './inputs.ts'
import type {Part, Value} from './parts.ts'
import type {Input, NamedInput} from './server-json.ts'

/**
 * The value that a publisher has fixed, with the variables in it: `{name}` stands for one only if it is among
 * `variables`, else it is text.
 * @returns undefined when there is none, so that the user is to be asked
 */
export function fixedValue(
  {value, variables}: Pick<NamedInput, 'value' | 'variables'>,
  inputs: Inputs,
): Value | undefined {
  return value ? withVariables(value, variables ?? {}, inputs) : undefined
}

/** A text with its variables. */
export function withVariables(
  text: string,
  variables: Readonly<Record<string, Input>>,
  inputs: Inputs,
): Value {
  const parts: Part[] = []
  for (const [index, piece] of text.split(/(\{[^{}]+\})/).entries()) {
    const name = piece.slice(1, -1)
    const input = index % 2 === 1 && Object.hasOwn(variables, name) ? variables[name] : undefined
    // A variable may be fixed itself.
    if (input && !input.value) parts.push(inputs.variable(name, input))
    else addText(parts, input?.value ?? piece)
  }
  return parts
}

/** Texts beside each other are one: what they mean together must be seen. */
function addText(parts: Part[], text: string): void {
  const last = parts.at(-1)
  if (last?.kind === 'text') parts[parts.length - 1] = {kind: 'text', text: last.text + text}
  else if (text !== '') parts.push({kind: 'text', text})
}

/** A text in front of a value. */
export function prefixed(prefix: string, value: Value): Value {
  const [first, ...rest] = value
  if (first?.kind === 'text') return [{kind: 'text', text: prefix + first.text}, ...rest]
  return [{kind: 'text', text: prefix}, ...value]
}
