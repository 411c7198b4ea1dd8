import type {Scenario} from '../scenario.ts'
import {ids} from './ids.ts'
import {messages} from './messages.ts'
import {progresses} from './progress.ts'

/** What holds of one server, with a gateway in front of it or without. */
export const oneServer: readonly Scenario[] = [...messages, ...ids, ...progresses]
