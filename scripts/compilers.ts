import {aptInstall, canInstall, exists, hasProgram} from './apt.ts'
import {withLock} from './lock.ts'
import {committed, installedCompiler} from './native.ts'

/** Debian calls the compiler of the machine's own architecture gcc. */
const COMPILERS = {
  amd64: process.arch === 'x64' ? 'gcc' : 'gcc-x86-64-linux-gnu',
  arm64: process.arch === 'arm64' ? 'gcc' : 'gcc-aarch64-linux-gnu',
}

/**
 * What the tests of src/native need, by program or file, and the package that brings it: compilers, the C library that
 * a build with checks of every access is linked with, what runs programs of the other architecture, and what makes the
 * loopback of a namespace work.
 */
const NEEDED: Readonly<Record<string, string>> = {
  'x86_64-linux-gnu-gcc': COMPILERS.amd64,
  'aarch64-linux-gnu-gcc': COMPILERS.arm64,
  '/usr/include/stdio.h': 'libc6-dev',
  'qemu-aarch64-static': 'qemu-user-static',
  ip: 'iproute2',
}

/**
 * Installs, as root on Debian, the compilers that the programs of src/native are built and compared with. Elsewhere
 * it says what is missing; the tests that need it are then left out, but in CI they fail.
 * @param report gets one line a step; nothing when all is there
 */
export async function ensureCompilers(report: (line: string) => void): Promise<void> {
  const obstacle = (await missingObstacle(report)) ?? (await versionObstacle())
  if (obstacle === undefined) return
  const words = `to build and compare the programs of src/native takes Debian 12's compilers: ${obstacle}`
  report(`native: ${words}${process.env['CI'] ? '' : '; those tests are left out'}`)
}

async function missingObstacle(report: (line: string) => void): Promise<string | undefined> {
  const packages = await missingPackages()
  if (packages.length === 0) return undefined
  if (await canInstall()) return withLock('compilers', async () => install(report))
  return `apt-get install ${packages.join(' ')}`
}

async function versionObstacle(): Promise<string | undefined> {
  const here = await installedCompiler()
  const {compiler} = await committed()
  return here === compiler ? undefined : `they are ${compiler}, and these are ${here}`
}

/** Asked again behind the lock: another run may have installed them meanwhile. */
async function install(report: (line: string) => void): Promise<string | undefined> {
  const packages = await missingPackages()
  if (packages.length === 0) return undefined
  report(`native: installing ${packages.join(', ')} with apt-get`)
  return aptInstall(packages, report)
}

async function missingPackages(): Promise<readonly string[]> {
  const missing = await Promise.all(
    Object.entries(NEEDED).map(async ([what, brings]) => ((await isHere(what)) ? [] : [brings])),
  )
  return missing.flat()
}

async function isHere(what: string): Promise<boolean> {
  return what.startsWith('/') ? exists(what) : hasProgram(what)
}
