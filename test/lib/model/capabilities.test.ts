import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {parseCapability} from '../../../src/lib/model/capabilities.ts'

/** The bits of `CapEff` (a80425fb) in a container that docker started without a word about capabilities. */
const DEFAULTS =
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  )

describe('parseCapability', () => {
  test('takes what docker gives by default, in any spelling, and gives one name for it', () => {
    const prefix = fc.constantFrom('', 'CAP_', 'cap_', 'Cap_')
    fc.assert(
      fc.property(
        fc.constantFrom(...DEFAULTS),
        prefix,
        fc.infiniteStream(fc.boolean()),
        (name, before, upper) => {
          const written = `${before}${name}`
            .split('')
            .map(letter => (upper.next().value ? letter : letter.toLowerCase()))
            .join('')
          expect(parseCapability(written)).toBe(name)
        },
      ),
    )
  })

  test.each([
    'ALL',
    'SYS_ADMIN',
    'CAP_SYS_ADMIN',
    'NET_ADMIN',
    'SYS_PTRACE',
    'DAC_READ_SEARCH',
    'BPF',
    '',
    'CAP_',
    'CAP_CAP_CHOWN',
    'CHOWN ',
    'CHOWN,ALL',
  ])('refuses %j', name => {
    expect(() => parseCapability(name)).toThrow(
      new RangeError(
        `is not a capability that a server can be given: the choice is among ${DEFAULTS.join(', ')}`,
      ),
    )
  })
})
