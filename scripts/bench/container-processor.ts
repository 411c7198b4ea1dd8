import {readdir, readFile, readlink} from 'node:fs/promises'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {capture} from '../process.ts'
import {ownerOf} from './isolated.ts'

/**
 * Tells the processor time of a container: of all programs that run in it, as the kernel counts it for each thread
 * (Linux, Documentation/scheduler/sched-stats.rst: nanoseconds on a processor). Only where the engine runs on this
 * machine.
 * @param session whose container it is
 * @returns what gives the milliseconds so far
 * @throws Error when its programs are not to be seen here
 */
export async function processorOf(engine: Engine, session: string): Promise<() => Promise<number>> {
  const [container] = await engine.list({'docker-mcp-owner': ownerOf(session)})
  const id = container?.id ?? session
  const {stdout, stderr} = await capture('docker', ['inspect', '--format', '{{.State.Pid}}', id])
  const namespace = await namespaceOf(stdout.trim())
  if (namespace === undefined) throw new Error(`no programs of container ${id}: ${stderr}`)
  const all = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const namespaces = await Promise.all(all.map(namespaceOf))
  const own = all.filter((_, at) => namespaces[at] === namespace)
  return async () => {
    const times = await Promise.all(own.map(processMs))
    return times.reduce((sum, time) => sum + time, 0)
  }
}

async function namespaceOf(pid: string): Promise<string | undefined> {
  return readlink(`/proc/${pid}/ns/pid`).catch(() => undefined)
}

async function processMs(pid: string): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const stats = await Promise.all(
    threads.map(thread => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')),
  )
  return stats.reduce((sum, stat) => sum + Number(stat.split(' ')[0]) / 1e6, 0)
}
