import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {join} from 'node:path'
import {connect} from 'node:net'

import type {Scope} from '../../src/lib/base/scope.ts'
import {listenOn, run, tempDir} from '../lib/engine/engine-lab.ts'
import {ENDS_WITH_US} from '../support/private-engine.ts'

const INSIDE = `
  const net = require('node:net')
  const [path, port] = process.argv.slice(1)
  net.createServer(near => {
    const far = net.connect(Number(port), '127.0.0.1')
    near.pipe(far).pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  }).listen(path, () => console.log('open'))`

/**
 * Makes a port on the loopback of a process's network namespace one of ours, until the scope closes.
 * @returns its number here
 */
export async function doorTo(scope: Scope, pid: number, port: number): Promise<number> {
  await run('nsenter', ['-t', String(pid), '-n', 'ip', 'link', 'set', 'lo', 'up'])
  const path = join(await tempDir(scope), 'door.sock')
  const [program, ...args] = [...ENDS_WITH_US, 'nsenter', '-t', String(pid), '-n', process.execPath]
  const inside = spawn(program, [...args, '--eval', INSIDE, '--', path, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  scope.defer(async () => {
    inside.kill('SIGTERM')
    if (inside.exitCode === null && inside.signalCode === null) await once(inside, 'exit')
  })
  await once(inside.stdout, 'data')
  return listenOn(scope, 0, near => {
    const far = connect({path, allowHalfOpen: true}).on('error', () => near.destroy())
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
  })
}
