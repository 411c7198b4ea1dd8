import {execFile, spawn} from 'node:child_process'
import {once} from 'node:events'
import {chmod, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {promisify} from 'node:util'

import {unpackDebian, unpackedEnv} from '../../scripts/unpack.ts'
import {ENDS_WITH_US} from '../support/private-engine.ts'
import type {OwnEngine} from './own-engine.ts'

const run = promisify(execFile)

const PACKAGES = [
  'podman',
  'conmon',
  'crun',
  'libyajl2',
  'golang-github-containers-image',
  'golang-github-containers-common',
  'containernetworking-plugins',
  'libgpgme11',
  'libassuan0',
  'libsubid4',
  'catatonit',
]
const START_MS = 60_000
/** crun takes cgroups of version 1 or 2, and refuses a machine that has both. What is unmounted is so for Podman only. */
const UNIFIED = '/sys/fs/cgroup/unified'
const WITHOUT_UNIFIED = [
  'sh',
  '-c',
  `! mountpoint --quiet ${UNIFIED} || umount ${UNIFIED}; exec "$@"`,
  'sh',
]

/** Starts Debian's podman as root, where nothing else sees it. */
export async function podmanServer(): Promise<OwnEngine> {
  const root = await unpackDebian('podman', PACKAGES, line => process.stderr.write(`${line}\n`))
  const folder = await mkdtemp(join(tmpdir(), 'podman-'))
  const env = await setUp(root, folder)
  const socket = join(folder, 'podman.sock')
  const podman = [join(root, 'usr/bin/podman'), 'system', 'service', '--time=0', `unix://${socket}`]
  const apart = ['unshare', '--mount', '--net', '--propagation', 'private']
  const [program, ...args] = [...ENDS_WITH_US, ...apart, ...WITHOUT_UNIFIED, ...podman]
  const server = spawn(program, args, {env, cwd: '/', stdio: ['ignore', 'ignore', 'pipe']})
  let log = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const host = `unix://${socket}`
  const docker = async (...given: readonly string[]) => {
    const {stdout} = await run('docker', ['--host', host, ...given], {maxBuffer: 2 ** 28})
    return stdout.trimEnd()
  }
  const deadline = Date.now() + START_MS
  while ((await docker('version').catch(() => undefined)) === undefined) {
    if (server.exitCode !== null || Date.now() > deadline) throw new Error(`no podman:\n${log}`)
    await delay(50)
  }
  return {
    host,
    socket,
    docker,
    async bring(...images) {
      const archive = join(folder, 'images.tar')
      await run('docker', ['save', '--output', archive, ...images])
      await docker('load', '--quiet', '--input', archive)
      await rm(archive)
    },
    async [Symbol.asyncDispose]() {
      const left = (await docker('ps', '--all', '--quiet')).split('\n').filter(Boolean)
      if (left.length > 0) await docker('rm', '--force', ...left)
      const exit = once(server, 'exit')
      server.kill('SIGTERM')
      await exit
      // Its storage may be mounted in the namespace only, which is gone with it.
      await rm(folder, {recursive: true, force: true})
    },
  }
}

/** Tells podman where everything is, since nothing of it is where it would be installed. */
async function setUp(root: string, folder: string): Promise<NodeJS.ProcessEnv> {
  const at = (...names: readonly string[]) => join(folder, ...names)
  const {LD_LIBRARY_PATH: libraries = ''} = await unpackedEnv(root)
  for (const name of ['home/.config/containers', 'bin', 'cni'])
    await mkdir(at(name), {recursive: true})
  await writeFile(
    at('home/.config/containers/policy.json'),
    await readFile(join(root, 'etc/containers/policy.json')),
  )
  const bridge = '87-podman-bridge.conflist'
  await writeFile(at('cni', bridge), await readFile(join(root, 'etc/cni/net.d', bridge)))
  await writeProgram(at('bin/conmon'), [
    `LD_LIBRARY_PATH=${libraries} exec ${root}/usr/bin/conmon "$@"`,
  ])
  await writeProgram(at('bin/crun'), [
    ...((await mayRaiseLimits()) ? [] : LOWERED_LIMITS),
    `LD_LIBRARY_PATH=${libraries} exec ${root}/usr/bin/crun "$@"`,
  ])
  await writeFile(
    at('containers.conf'),
    `[containers]
[network]
network_backend = "cni"
cni_plugin_dirs = ["${root}/usr/lib/cni"]
network_config_dir = "${at('cni')}"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
conmon_path = ["${at('bin/conmon')}"]
helper_binaries_dir = ["${root}/usr/lib/podman", "${root}/usr/libexec/podman"]
init_path = "${root}/usr/bin/catatonit"
[engine.runtimes]
crun = ["${at('bin/crun')}"]
`,
  )
  await writeFile(
    at('storage.conf'),
    `[storage]
driver = "overlay"
graphroot = "${at('data')}"
runroot = "${at('run')}"
`,
  )
  await writeFile(at('registries.conf'), 'unqualified-search-registries = ["docker.io"]\n')
  return {
    ...process.env,
    HOME: at('home'),
    TMPDIR: folder,
    LD_LIBRARY_PATH: libraries,
    CONTAINERS_CONF: at('containers.conf'),
    CONTAINERS_STORAGE_CONF: at('storage.conf'),
    CONTAINERS_REGISTRIES_CONF: at('registries.conf'),
  }
}

async function writeProgram(path: string, lines: readonly string[]): Promise<void> {
  await writeFile(path, ['#!/bin/sh', ...lines, ''].join('\n'))
  await chmod(path, 0o755)
}

/** Podman, as root, gives containers higher limits than it may have itself, which takes CAP_SYS_RESOURCE (bit 24). */
async function mayRaiseLimits(): Promise<boolean> {
  const [, effective = '0'] =
    /^CapEff:\s*([\da-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8')) ?? []
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n
}

/** Where root is not all-powerful, the limits that nobody asked for are taken out of what crun is told. */
const LOWERED_LIMITS = [
  'for arg; do',
  '  case "$last" in',
  '    --bundle | -b) file=$arg/config.json ;;',
  '    --process | -p) file=$arg ;;',
  '  esac',
  '  last=$arg',
  'done',
  `[ -n "$file" ] && sed -i 's/{"type":"RLIMIT_NPROC"[^}]*}/{"type":"RLIMIT_CORE","hard":1,"soft":1}/; s/"RLIMIT_NOFILE","hard":1048576,"soft":1048576/"RLIMIT_NOFILE","hard":4096,"soft":1024/' "$file"`,
]
