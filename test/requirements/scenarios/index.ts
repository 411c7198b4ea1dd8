import type {Scenario} from '../scenario.ts'
import {asking} from './asking.ts'
import {calls} from './calls.ts'
import {hellos, sessions} from './hello.ts'
import {ids} from './ids.ts'
import {lists} from './lists.ts'
import {messages} from './messages.ts'
import {cancelling, order} from './order.ts'
import {progresses} from './progress.ts'
import {together} from './several-lists.ts'
import {names} from './several-names.ts'
import {requests} from './several-requests.ts'
import {resources} from './several-resources.ts'
import {broken, tasks, vendors} from './tasks.ts'

export {troubledServers} from './troubled.ts'

/** What holds of one server, with a gateway in front of it or without. */
export const oneServer: readonly Scenario[] = [
  ...messages,
  ...ids,
  ...progresses,
  ...order,
  ...cancelling,
  ...asking,
  ...hellos,
  ...calls,
  ...lists,
  ...tasks,
  ...vendors,
  ...broken,
  ...sessions,
]

/** What holds of the servers `one` and `two` behind one gateway. */
export const twoServers: readonly Scenario[] = [...names, ...resources, ...together, ...requests]
