/** What docker gives every container when nothing is said (its `DefaultCapabilities`); a server gets no other. */
const GRANTABLE = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]

/**
 * Reads the name of a capability that a server may be given, in any case, with or without `CAP_`.
 * @returns the name as the engine writes it, such as `NET_RAW`
 * @throws RangeError with the rest of a sentence about the name, for all that docker does not give by default
 */
export function parseCapability(text: string): string {
  const name = text.toUpperCase().replace(/^CAP_/, '')
  if (GRANTABLE.includes(name)) return name
  throw new RangeError(
    `is not a capability that a server can be given: the choice is among ${GRANTABLE.join(', ')}`,
  )
}
