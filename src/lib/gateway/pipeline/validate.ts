import type * as JsonSchema from '@cfworker/json-schema'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'
import {result} from '../wire/jsonrpc.ts'
import type {Middleware} from './call.ts'
import {problemsOf} from './problems.ts'
import {judgeable, type Judgeable} from './schema.ts'
import {weightOf} from './weight.ts'

/**
 * Refuses tool calls whose arguments do not fit the tool's `inputSchema`, before anything is sent: with a failed
 * result that says what to correct, as a model can do that (MCP 2025-11-25, SEP-1303). It never repeats values. What
 * cannot be judged is passed on, and the server decides.
 */
export function validateArguments(): Middleware {
  const schemas = new WeakMap<JsonObject, Judgeable | 'unclear'>()
  return next =>
    async function validated(call) {
      if (call.kind !== 'tool' || !call.definition) return next(call)
      const schema = schemas.get(call.definition) ?? read(call.definition)
      schemas.set(call.definition, schema)
      const given = call.request.params?.['arguments'] ?? {}
      const problems = schema === 'unclear' ? [] : await check(schema, given)
      if (problems.length === 0) return next(call)
      const what = oneLine(`tool ${call.name} of server ${call.server}`)
      const lines = problems.map(problem => `\n- ${problem}`)
      const text = `The arguments do not fit ${what}, so it was not called:${lines.join('')}`
      return result(call.request.id, {isError: true, content: [{type: 'text', text}]})
    }
}

function read(definition: JsonObject): Judgeable | 'unclear' {
  try {
    return judgeable(definition['inputSchema']) ?? 'unclear'
  } catch {
    return 'unclear'
  }
}

/** So many values of a schema may meet a value of the arguments: a tenth of a second or so. */
const MOST_STEPS = 200_000

async function check({schema, weight}: Judgeable, given: unknown): Promise<readonly string[]> {
  const most = MOST_STEPS / weight
  try {
    if (weightOf(given, most) > most) return []
    const {validate} = await library()
    const {valid, errors} = validate(given, schema, '2020-12', {}, false)
    if (valid) return []
    const plain = withoutNulls(schema, given)
    if (plain !== given && validate(plain, schema, '2020-12', {}, true).valid) return []
    return problemsOf({schema, value: given, units: errors})
  } catch {
    return []
  }
}

/**
 * The arguments without properties that are null and need not be there. Models write null for what they leave out,
 * and servers take it as that, whatever their schemas say.
 */
function withoutNulls(schema: unknown, given: unknown): unknown {
  if (!isJsonObject(schema) || !isJsonObject(given) || !isJsonObject(schema['properties'])) {
    return given
  }
  const {properties, required} = schema
  const kept = Object.entries(given).flatMap(([name, value]): [string, unknown][] => {
    const isNeeded = Array.isArray(required) && required.includes(name)
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (value === null && own !== undefined && !isNeeded) return []
    return [[name, withoutNulls(own, value)]]
  })
  const isSame =
    kept.length === Object.keys(given).length &&
    kept.every(([name, value]) => given[name] === value)
  return isSame ? given : Object.fromEntries(kept)
}

let loading: Promise<typeof JsonSchema> | undefined

/** Loaded by the first call, and kept: not every gateway is called. */
function library(): Promise<typeof JsonSchema> {
  loading ??= import('@cfworker/json-schema')
  return loading
}
