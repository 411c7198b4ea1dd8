/** What a hostile server tried, and what it got: see test/fixtures/hostile. */
export interface Attempt {
  readonly attempt: string
  readonly got: string
}

export type Table = Readonly<Record<string, string>>

export function tableOf(attempts: readonly Attempt[]): Table {
  return Object.fromEntries(attempts.map(({attempt, got}) => [attempt, got]))
}

/** The attempts that got something: everything but a refusal. */
export function openIn(table: Table): Table {
  return Object.fromEntries(Object.entries(table).filter(([name, got]) => !isRefused(name, got)))
}

/** What the kernel says to who may not; ETXTBSY is a program that runs, and is looked for before read-only mounts are. */
const REFUSALS = new Set(['EPERM', 'EACCES', 'EROFS', 'ENOSYS', 'ETXTBSY', 'survived'])
/** A file that is not there, or that something empty covers, is as good; a path of a system call is never there. */
const ABSENT = new Set(['ENOENT', 'empty'])

function isRefused(name: string, got: string): boolean {
  return REFUSALS.has(got) || (/^(?:read|write|connect|remove) /.test(name) && ABSENT.has(got))
}

/** The names of the capabilities in a mask of /proc/PID/status, of those that matter to containers (capability.h). */
export function capabilitiesIn(mask: string): readonly string[] {
  const bits = BigInt(`0x${mask}`)
  return CAPABILITIES.filter((_, bit) => (bits >> BigInt(bit)) & 1n)
}

const CAPABILITIES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ')
