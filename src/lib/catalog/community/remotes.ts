import type {JsonObject} from '../../base/json.ts'
import type {Inputs} from './inputs.ts'
import {headerText, Inexpressible, templateText} from './parts.ts'
import type {Transport} from './server-json.ts'
import {fixedValue, withVariables} from './value.ts'

/**
 * A server that runs somewhere else.
 * @throws Inexpressible
 */
export function convertRemote(
  {url = '', type, headers, variables}: Transport,
  inputs: Inputs,
): JsonObject {
  const address = templateText(withVariables(url ?? '', variables ?? {}, inputs))
  const isTemplate = address.startsWith('{{')
  if (!isTemplate && !/^https?:\/\/[^\s/]/i.test(address)) {
    throw new Inexpressible('has a remote without an http or https address')
  }
  const written = (headers ?? []).map(header => {
    const value = fixedValue(header, inputs) ?? [inputs.variable(header.name, header)]
    return [header.name, headerText(value)] as const
  })
  return {
    type: 'remote',
    remote: {
      url: address,
      transport_type: type === 'sse' ? 'sse' : 'streamable-http',
      ...(written.length > 0 && {headers: Object.fromEntries(written)}),
    },
  }
}
