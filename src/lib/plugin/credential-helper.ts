import {runBounded, Unanswered, type ProgramAnswer} from './bounded-program.ts'

/** What a helper says when it has nothing (docker/docker-credential-helpers, `credentials/error.go`). */
const NOT_FOUND = /credentials not found/iu

/** The program's name. */
export function helperProgram(helper: string): string {
  return `docker-credential-${helper}`
}

/**
 * Runs docker's helper program for credentials, `docker-credential-<name> <verb>`, which takes its question on stdin and
 * answers on stdout (docker/docker-credential-helpers, "Development").
 * @param helper the name's last part, as docker's config.json has it
 * @param ask `input`: an address, or for `store` the JSON of what to keep
 * @returns undefined when there is no such program; `found`: whether it has what it was asked for
 * @throws Error as {@link runBounded}; the signal's reason
 */
export async function runCredentialHelper(
  helper: string,
  ask: {
    readonly verb: 'get' | 'store' | 'erase'
    readonly input: string
    readonly env: NodeJS.ProcessEnv
    readonly signal?: AbortSignal | undefined
    readonly withinMs?: number | undefined
  },
): Promise<(ProgramAnswer & {readonly found: boolean}) | undefined> {
  ask.signal?.throwIfAborted()
  // A path would start any program of that ending.
  if (!/^[\w.-]+$/u.test(helper)) throw new Error('this is no name of a helper')
  const {verb, input, ...how} = ask
  const answer = await runBounded(helperProgram(helper), {
    ...how,
    args: [verb],
    input: `${input}\n`,
  })
  if (!answer) return undefined
  if (answer.code !== 0 && NOT_FOUND.test(answer.text)) return {...answer, found: false}
  // What it printed is not repeated: it may be a credential.
  const ended = `it ended with code ${answer.code}`
  if (answer.code === null) throw new Unanswered(ended)
  if (answer.code !== 0) throw new Error(ended)
  return {...answer, found: true}
}
