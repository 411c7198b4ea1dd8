import type {JsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'
import type {Environment} from './environment.ts'
import type {Inputs} from './inputs.ts'
import {Inexpressible, templateText, type Value} from './parts.ts'
import type {Argument} from './server-json.ts'
import {fixedValue} from './value.ts'

/** What arguments of `docker run` come to in a catalog. */
export interface RunOptions {
  /** `user`, `volumes`, `tmpfs`, `extraHosts`, `readOnly`, `disableNetwork` */
  readonly entry: JsonObject
  /** The arguments that a catalog has nothing for. */
  readonly leftOut: readonly string[]
}

/** The gateway does these itself, or they mean nothing to it. */
const OURS = new Set(
  'docker run -i --interactive -t --tty -it -ti --rm --init --name --pull --platform -d --detach'.split(
    ' ',
  ),
)
/** Those that take what follows them as their value. */
const TAKES_VALUE = new Set(
  '-u --user -v --volume --mount -e --env --network --net --add-host --tmpfs --name --pull --platform --entrypoint -p --publish -w --workdir -m --memory --cpus --cap-add --env-file --security-opt'.split(
    ' ',
  ),
)

/**
 * Takes from arguments of `docker run` what an entry can say.
 * @param image the image itself is one of them now and then
 * @throws Inexpressible
 */
export function dockerRunOptions(
  given: readonly Argument[],
  {image, inputs, environment}: {image: string; inputs: Inputs; environment: Environment},
): RunOptions {
  const entry: {
    user?: string
    volumes: string[]
    tmpfs: string[]
    extraHosts: string[]
    readOnly?: true
    disableNetwork?: true
  } = {volumes: [], tmpfs: [], extraHosts: []}
  const leftOut: string[] = []
  for (const {flag, value = []} of optionsOf(given, inputs)) {
    if (OURS.has(flag) || flag === image) continue
    if (flag === '-u' || flag === '--user') entry.user = templateText(value)
    else if (flag === '-v' || flag === '--volume') entry.volumes.push(templateText(value))
    else if (flag === '--mount') addMount(entry, value)
    else if (flag === '-e' || flag === '--env') setVariable(environment, value)
    else if (flag === '--tmpfs') entry.tmpfs.push(templateText(value))
    else if (flag === '--add-host') entry.extraHosts.push(templateText(value))
    else if (flag === '--read-only') entry.readOnly = true
    else if (/^--net(?:work)?$/.test(flag) && textOf(value) === 'none') entry.disableNetwork = true
    else leftOut.push(oneLine(flag))
  }
  const filled = Object.entries(entry).filter(([, each]) => !Array.isArray(each) || each.length > 0)
  return {entry: Object.fromEntries(filled), leftOut}
}

interface Option {
  readonly flag: string
  readonly value?: Value
}

/** As options with values, however they were cut: `--user=1`, `--user` and `1`, or named. */
function optionsOf(given: readonly Argument[], inputs: Inputs): readonly Option[] {
  const options: Option[] = []
  let waiting: string | undefined
  for (const argument of given) {
    const fixed = fixedValue(argument, inputs)
    if (argument.type === 'named') {
      const flag = argument.name ?? ''
      const isAsked = argument.isRequired === true || Boolean(argument.default)
      const value =
        fixed ?? (isAsked ? [inputs.variable(flag.replace(/^-+/, ''), argument)] : undefined)
      // Some write the flag into the value once more.
      options.push({flag, ...(value && {value: without(`${flag}=`, value)})})
    } else if (waiting !== undefined) {
      options.push({flag: waiting, value: fixed ?? []})
      waiting = undefined
    } else if (fixed) {
      const [first, ...rest] = fixed
      const text = first?.kind === 'text' ? first.text : ''
      const [, flag = text, tail] = /^(-[^=]+)=(.*)$/s.exec(text) ?? []
      if (tail !== undefined) {
        options.push({
          flag,
          value: [...(tail === '' ? [] : [{kind: 'text', text: tail} as const]), ...rest],
        })
      } else if (TAKES_VALUE.has(text) && rest.length === 0) waiting = text
      else options.push({flag: text})
    }
  }
  return options
}

function without(prefix: string, value: Value): Value {
  const [first, ...rest] = value
  if (first?.kind !== 'text' || !first.text.startsWith(prefix)) return value
  return [{kind: 'text', text: first.text.slice(prefix.length)}, ...rest]
}

/** `type=bind,src=…,dst=…,readonly`: https://docs.docker.com/engine/storage/bind-mounts/, "Syntax". */
function addMount(entry: {volumes: string[]; tmpfs: string[]}, value: Value): void {
  if (value.some(part => part.kind === 'config' && part.default?.includes(','))) {
    throw new Inexpressible('has a mount whose default has a comma')
  }
  const fields = new Map(
    templateText(value)
      .split(',')
      .map(field => {
        const at = field.indexOf('=')
        return at < 0 ? [field.trim(), 'true'] : [field.slice(0, at).trim(), field.slice(at + 1)]
      }),
  )
  const source = fields.get('src') ?? fields.get('source') ?? ''
  const target = fields.get('dst') ?? fields.get('destination') ?? fields.get('target') ?? ''
  if (target === '') throw new Inexpressible('has a mount without a place in the container')
  if (fields.get('type') === 'tmpfs') entry.tmpfs.push(target)
  else {
    const isReadOnly = (fields.get('readonly') ?? fields.get('ro')) === 'true'
    entry.volumes.push(`${source === '' ? '' : `${source}:`}${target}${isReadOnly ? ':ro' : ''}`)
  }
}

/** `NAME=value`; `NAME` alone is one of the variables that are declared. */
function setVariable(environment: Environment, value: Value): void {
  const [first, ...rest] = value
  const text = first?.kind === 'text' ? first.text : ''
  const at = text.indexOf('=')
  if (at <= 0) {
    if (rest.length === 0 && text !== '') return
    throw new Inexpressible('has a variable whose name a user is to set')
  }
  const tail = text.slice(at + 1)
  environment.set(text.slice(0, at), [
    ...(tail === '' ? [] : [{kind: 'text', text: tail} as const]),
    ...rest,
  ])
}

function textOf(value: Value): string | undefined {
  const [only, ...others] = value
  return only?.kind === 'text' && others.length === 0 ? only.text : undefined
}
