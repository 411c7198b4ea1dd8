import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {LabAnswer, LabClient} from '../../support/lab-client.ts'

/** The tool of the second server that tells what it has received: the first one keeps the name. */
export const SEEN_BY_TWO = 'two__seen'

/** What a tool of this name does. */
export function tool(name: string, more: Omit<LabAnswer, 'when'> = {}): LabAnswer {
  return {when: {name}, ...more}
}

/** A result of a tool that tells which server gave it. */
export function from(server: string): JsonObject {
  return {content: [], from: server}
}

/** The names in a list, in its order. */
export async function namesOf(
  client: LabClient,
  list: string,
  key: string,
): Promise<readonly string[]> {
  const items = Object((await client.ask(list))[key])
  return [...items].map(item => String(Object(item).name))
}
