import {Flags} from '@oclif/core'
import {variable} from './list-flag.ts'

const LIMITS = {helpGroup: 'Flags for limits and safety'}

/** What becomes of credentials and secrets in what clients and servers say to each other. */
export const maskingFlags = {
  'block-secrets': Flags.boolean({
    summary: 'refuse calls and results that hold what looks like a credential',
    default: true,
    allowNo: true,
    env: variable('block-secrets'),
    ...LIMITS,
  }),
  'mask-secrets': Flags.boolean({
    summary: 'mask secrets of servers also in their answers to clients',
    default: false,
    allowNo: true,
    env: variable('mask-secrets'),
    ...LIMITS,
  }),
}
