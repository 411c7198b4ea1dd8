import type {GatewayFile} from '../model/gateway-file.ts'
import {resolveReferences} from '../model/references.ts'
import type {SecretStore} from './store.ts'

/**
 * What the gateway's own file refers to under `credentials`.
 * @param env the variables that can be referred to
 * @returns undefined when the file has none
 */
export function openReferred(
  {credentials = {}}: GatewayFile,
  env: NodeJS.ProcessEnv,
): SecretStore | undefined {
  const references = new Map(Object.entries(credentials))
  if (references.size === 0) return undefined
  const valueOf = (name: string) => {
    const text = references.get(name)
    return text === undefined ? undefined : resolveReferences(text, env)
  }
  return {
    name: "the gateway's file",
    unavailable: () => Promise.resolve(undefined),
    names: () => Promise.resolve([...references.keys()].filter(name => valueOf(name))),
    async get(name) {
      const value = valueOf(name)
      return value === undefined ? undefined : Buffer.from(value)
    },
    howToSet: name => `set the variable that the gateway's file refers to for ${name}`,
  }
}
