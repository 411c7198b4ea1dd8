import {appendOnly} from '../files/append.ts'
import {messageOf} from '../base/errors.ts'
import {withDeadline} from '../base/async.ts'
import type {StatePaths} from '../files/paths.ts'

/** What became of one read: a server (or the person, for an export) has the value, there is none, or no store could give it. */
export type ReadOutcome = 'given' | 'missing' | 'failed'

/** One read of one secret, without its value. */
export interface SecretRead {
  readonly secret: string
  /** What the store is called in `secret ls`; undefined when no store has it. */
  readonly store?: string | undefined
  readonly outcome: ReadOutcome
  /** Whom it is for; undefined when it is for the person who asked. */
  readonly server?: string | undefined
}

/** A line of the audit file. */
export interface AuditRecord extends SecretRead {
  /** ISO 8601, UTC. */
  readonly time: string
  readonly event: 'secret.read'
  /** What read it: `gateway`, `secret export`. */
  readonly by: string
  readonly pid: number
  /** The id of the gateway, as its containers have it. */
  readonly owner?: string | undefined
}

/** Keeps book of who was given which secret. */
export interface Audit {
  /**
   * Writes down what is about to be handed over, in one piece. Never rejects, and keeps nobody waiting for long: what
   * cannot be written is told once.
   */
  record(reads: readonly SecretRead[]): Promise<void>
}

/** More than ten thousand reads; with the older file twice that. */
const MAX_BYTES = 4 * 1024 * 1024
/** A file on a disk that does not answer must not keep servers from their start. */
const WRITE_MS = 2000

/**
 * Opens the audit of secrets; makes no file yet.
 *
 * It fails open: where it cannot be written, servers start all the same and a person is told. Whoever could write the
 * values to a server can remove the file as well, so that refusing would protect nobody, and it would break every
 * gateway whose home may not be written, as in a container.
 * @param input `by`: what this process does, such as `gateway`; `warn`: told once why there is no book, never a value
 */
export function openAudit(input: {
  readonly paths: Pick<StatePaths, 'audit'>
  readonly by: string
  readonly owner?: string | undefined
  readonly warn: (line: string) => void
}): Audit {
  const {by, owner, warn} = input
  const path = input.paths.audit
  const append = appendOnly(path, MAX_BYTES)
  let isTold = false
  return {
    async record(reads) {
      if (reads.length === 0) return
      const time = new Date().toISOString()
      const lines = reads.map(({server, secret, store, outcome}) => {
        const one: AuditRecord = {
          time,
          event: 'secret.read',
          outcome,
          server,
          secret,
          store,
          by,
          pid: process.pid,
          owner,
        }
        return `${JSON.stringify(one)}\n`
      })
      try {
        await withDeadline(append(lines.join('')), WRITE_MS, tooLate)
      } catch (error) {
        if (isTold) return
        isTold = true
        warn(`! Reads of secrets are not recorded: ${messageOf(error)}`)
      }
    },
  }
}

function tooLate(): Error {
  return new Error('the disk of the audit file does not answer')
}
