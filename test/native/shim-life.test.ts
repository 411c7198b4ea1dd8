import {closeSync, mkdtempSync, openSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {block} from './block.ts'
import {builds, isLinux, isRoot} from './builds.ts'
import {codeOf, runShim, startShim} from './shim-process.ts'

const BLOCK = block()
const FORWARDED = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCONT',
] as const
const INIT = ['unshare', '--fork', '--pid', '--mount-proc', '--kill-child']

/** A program that says which signals it gets, and takes none of them as a reason to leave. */
const LISTENING = `
  for (const signal of ${JSON.stringify(FORWARDED)}) process.on(signal, () => console.log(signal))
  setInterval(() => undefined, 60_000)
  console.log('ready')`

/** Leaves an orphan behind that ends, and says when init has taken its remains. */
const ORPHANS = `
  import {execFileSync} from 'node:child_process'
  import {existsSync} from 'node:fs'
  for (let i = 0; i < 20; i++) {
    const pid = execFileSync('/bin/sh', ['-c', 'true & echo $!'], {encoding: 'utf8'}).trim()
    while (existsSync('/proc/' + pid)) await new Promise(setImmediate)
  }
  console.log('gone', process.ppid)`

/** A command in front: what comes after it sees this file alone of the control groups. */
function inControlGroup(file: string, text: string): readonly string[] {
  const folder = '/sys/fs/cgroup'
  const steps = [
    `mount -t tmpfs none ${folder}`,
    `mkdir -p $(dirname ${folder}/${file})`,
    `printf '${text.replaceAll('\n', '\\n')}' > ${folder}/${file}`,
    'exec "$@"',
  ]
  return ['unshare', '--mount', 'sh', '-c', steps.join(' && '), 'sh']
}

/** Reads nothing until it is told to by a signal. */
const LATE_READER = `
  process.on('SIGUSR1', () => {
    process.stdin.pipe(process.stdout)
    process.stdin.on('end', () => process.exit(9))
  })
  setInterval(() => undefined, 60_000)
  console.log('ready')`

const node = (script: string) => [process.execPath, '--input-type=module', '-e', script]

describe.runIf(isLinux).each(builds)('the life of a shim ($name)', build => {
  test.each([0, 1, 42, 255])('ends with the exit code %i of its program', async code => {
    const outcome = await runShim(build, BLOCK, {command: ['sh', '-c', `exit ${code}`]})
    expect(outcome).toEqual({code, signal: null, stdout: '', stderr: ''})
  })

  test.each(['SIGSEGV', 'SIGKILL', 'SIGTERM', 'SIGPIPE'] as const)(
    'tells of a death by %s',
    async signal => {
      const command = ['sh', '-c', `kill -${signal.slice(3)} $$`]
      expect(await runShim(build, BLOCK, {command})).toMatchObject({code: codeOf(signal)})
    },
  )

  test('passes signals on', async () => {
    await using shim = startShim(build, {command: node(LISTENING)})
    shim.stdin.write(BLOCK)
    await shim.said(/ready/)
    for (const signal of FORWARDED) {
      shim.child.kill(signal)
      await shim.said(new RegExp(`^${signal}$`, 'm'))
    }
  })

  test('ends with what a signal makes of its program', async () => {
    await using shim = startShim(build, {command: ['sh', '-c', 'echo $$; exec sleep 600']})
    shim.stdin.write(BLOCK)
    await shim.said(/\d/)
    shim.child.kill('SIGTERM')
    expect(await shim.ended()).toMatchObject({code: codeOf('SIGTERM'), signal: null})
  })

  test('gives its program signals as new, and no files but stdin, stdout and stderr', async () => {
    const command = ['sh', '-c', 'grep -E "Sig(Blk|Ign)" /proc/self/status; ls /proc/$$/fd']
    const wrapper = ['sh', '-c', `trap "" TERM INT HUP CHLD PIPE USR1; exec "$0" "$@"`]
    const {stdout} = await runShim(build, BLOCK, {command, wrapper})
    const none = '0000000000000000'
    expect(stdout.split(/\s+/).slice(0, 7)).toEqual([
      'SigBlk:',
      none,
      'SigIgn:',
      none,
      '0',
      '1',
      '2',
    ])
  })

  test('does not keep stdout open that its program has closed', async () => {
    const command = ['sh', '-c', 'echo done; exec >&- 2>&-; read line; exit 5']
    await using shim = startShim(build, {command, stdin: 'socket'})
    shim.stdin.write(BLOCK)
    await new Promise(resolve => shim.child.stdout?.once('end', resolve).resume())
    expect(shim.child.exitCode).toBeNull()
    shim.stdin.write('go on\n')
    expect(await shim.ended()).toMatchObject({code: 5, stdout: 'done\n'})
  })

  test.runIf(isRoot).each([
    ['memory/memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 12\n', true],
    ['memory/memory.oom_control', 'oom_kill_disable 1\nunder_oom 0\noom_kill 0\n', false],
    ['memory.events', 'low 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n', true],
    ['memory.events', 'low 0\nmax 7\noom 1\noom_kill 0\noom_group_kill 1\n', false],
    ['memory.events', 'oom_kill', false],
    ['memory.stat', 'oom_kill 1\n', false],
  ])(
    'tells by %s, %j, that a killed program had used up the memory: %s',
    async (file, text, is) => {
      const wrapper = inControlGroup(file, text)
      const killed = await runShim(build, BLOCK, {command: ['sh', '-c', 'kill -KILL $$'], wrapper})
      const stderr = is ? 'shim: the memory of the container is used up\n' : ''
      expect(killed).toEqual({code: codeOf('SIGKILL'), signal: null, stdout: '', stderr})
      const left = await runShim(build, BLOCK, {command: ['sh', '-c', 'exit 137'], wrapper})
      expect(left).toEqual({code: 137, signal: null, stdout: '', stderr: ''})
    },
  )

  test.runIf(isRoot)('takes the remains of all processes as process 1', async () => {
    const outcome = await runShim(build, BLOCK, {command: node(ORPHANS), wrapper: INIT})
    expect(outcome).toEqual({code: 0, signal: null, stdout: 'gone 1\n', stderr: ''})
  })

  test.runIf(isRoot)('ends its program as process 1, too', async () => {
    const wrapper = [...INIT, '--']
    await using shim = startShim(build, {command: node(LISTENING), wrapper, options: ['-w0']})
    shim.stdin.write(BLOCK)
    await shim.said(/ready/)
    shim.stdin.end()
    // The program takes no notice of SIGTERM.
    await shim.said(/SIGTERM/)
    expect(await shim.ended()).toMatchObject({code: codeOf('SIGKILL')})
  })
})

describe.runIf(isLinux).each(builds)('a shim whose gateway has gone ($name)', build => {
  test.each(['pipe', 'socket', 'nonblocking pipe'] as const)(
    'ends a program that stays (%s)',
    async stdin => {
      const options = {stdin, options: ['-w0'], command: ['sleep', '600']}
      const outcome = await runShim(build, BLOCK, options)
      expect(outcome).toMatchObject({code: codeOf('SIGTERM'), signal: null})
    },
  )

  test('kills a program that takes no notice', async () => {
    const command = ['sh', '-c', 'trap "" TERM; echo ready; exec sleep 600']
    await using shim = startShim(build, {options: ['-w0'], command})
    shim.stdin.write(BLOCK)
    await shim.said(/ready/)
    shim.stdin.end()
    expect(await shim.ended()).toMatchObject({code: codeOf('SIGKILL')})
  })

  test('lets a program end by itself', async () => {
    const command = ['sh', '-c', 'cat; sleep 0.1; exit 3']
    const outcome = await runShim(build, Buffer.concat([BLOCK, Buffer.from('last words')]), {
      command,
    })
    expect(outcome).toEqual({code: 3, signal: null, stdout: 'last words', stderr: ''})
  })

  test('leaves it alone for as long as it is told to', async () => {
    const script = 'trap "echo TERM; exit 4" TERM; echo ready; sleep 600 >/dev/null 2>&1 & wait'
    await using shim = startShim(build, {options: ['-w1'], command: ['sh', '-c', script]})
    shim.stdin.write(BLOCK)
    await shim.said(/ready/)
    shim.stdin.end()
    expect(await shim.ended()).toMatchObject({code: 4, stdout: 'ready\nTERM\n'})
  })

  test('does not touch what its program has not read yet', async () => {
    await using shim = startShim(build, {options: ['-w600'], command: node(LATE_READER)})
    shim.stdin.end(Buffer.concat([BLOCK, Buffer.from('not read yet')]))
    await shim.said(/ready/)
    shim.child.kill('SIGUSR1')
    expect(await shim.ended()).toMatchObject({code: 9, stdout: 'ready\nnot read yet'})
  })

  test('ends a program that never had a stdin', async () => {
    const options = {
      options: ['-w0', '-n'],
      command: ['sh', '-c', 'readlink /proc/self/fd/0; cat; exec sleep 600'],
    }
    await using shim = startShim(build, options)
    shim.stdin.write(Buffer.concat([BLOCK, Buffer.from('not for the program')]))
    await shim.said(/null/)
    shim.stdin.end()
    expect(await shim.ended()).toMatchObject({code: codeOf('SIGTERM'), stdout: '/dev/null\n'})
  })

  test('does not take a file for a gateway', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'docker-mcp-stdin-'))
    writeFileSync(join(folder, 'stdin'), Buffer.concat([BLOCK, Buffer.from('from a file')]))
    const stdin = openSync(join(folder, 'stdin'), 'r')
    try {
      await using shim = startShim(build, {stdin, options: ['-w0'], command: ['cat']})
      expect(await shim.ended()).toMatchObject({code: 0, stdout: 'from a file'})
    } finally {
      closeSync(stdin)
      rmSync(folder, {recursive: true})
    }
  })
})
