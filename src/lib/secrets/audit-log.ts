import {readAppended} from '../files/append.ts'
import type {StatePaths} from '../files/paths.ts'
import * as z from 'zod'
import type {AuditRecord} from './audit.ts'

const RECORD = z.object({
  time: z.iso.datetime(),
  event: z.literal('secret.read'),
  outcome: z.enum(['given', 'missing', 'failed']),
  server: z.string().optional(),
  secret: z.string(),
  store: z.string().optional(),
  by: z.string(),
  pid: z.int(),
  owner: z.string().optional(),
})

/**
 * Reads what is recorded, the oldest first. Lines that are none of ours are passed over.
 * @param filter `server`: only what that one was given; `since`: only what is not older
 * @throws PluginError FILE_DENIED when the file is there and may not be read
 */
export async function readAudit(
  paths: Pick<StatePaths, 'audit'>,
  filter: {readonly server?: string | undefined; readonly since?: Date | undefined} = {},
): Promise<readonly AuditRecord[]> {
  const text = await readAppended(paths.audit)
  return text
    .split('\n')
    .flatMap(recordIn)
    .filter(({server}) => filter.server === undefined || server === filter.server)
    .filter(({time}) => filter.since === undefined || new Date(time) >= filter.since)
}

function recordIn(line: string): readonly AuditRecord[] {
  try {
    return [RECORD.parse(JSON.parse(line))]
  } catch {
    return []
  }
}
