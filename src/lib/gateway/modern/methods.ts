import {KINDS} from '../relay/pages.ts'
import {TASK_METHODS} from '../relay/tasks.ts'

/** Methods that modern revisions do not have, and that must not reach a legacy server from one of their clients. */
export const REMOVED: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'tasks/list',
  'tasks/result',
])

/** Methods that say whom they are meant for, or are meant for all. */
export const ROUTED: ReadonlySet<string> = new Set([
  ...Object.values(KINDS).map(({method}) => method),
  ...TASK_METHODS,
  'completion/complete',
  'prompts/get',
  'resources/read',
  'tools/call',
])
