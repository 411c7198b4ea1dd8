import {Flags} from '@oclif/core'
import {variable} from './list-flag.ts'

/** For everything that brings images or starts them. */
export const signatureFlag = {
  'verify-signatures': Flags.boolean({
    summary: 'take only images with a valid signature, where there is a key for them',
    default: true,
    allowNo: true,
    env: variable('verify-signatures'),
    helpGroup: 'Flags for limits and safety',
  }),
}
