import {keepReportsPrivate} from './lib/base/private-reports.ts'
import {WATCHDOG_OVER, type WatchdogTask} from './lib/engine/watchdog-task.ts'

/**
 * A process beside each gateway that has containers. Its stdin is a pipe from the gateway: when that ends without the
 * word that all is over, the gateway is gone, and what it has left on the engine is cleared away. Until then it loads
 * nothing.
 */
async function watch(stdin: NodeJS.ReadableStream): Promise<void> {
  const [task = '', ...words] = (await readAll(stdin)).split('\n')
  if (task === '' || words.includes(WATCHDOG_OVER)) return
  // oxlint-disable-next-line unicorn/no-process-exit -- as below
  setTimeout(() => process.exit(1), LONGEST_WORK_MS).unref()
  const {endpoint, owner}: WatchdogTask = JSON.parse(task)
  const [{openEngine}, {clearBequest}] = await Promise.all([
    import('./lib/engine/dockerode.ts'),
    import('./lib/engine/bequest.ts'),
  ])
  await clearBequest({open: () => openEngine(endpoint), owner})
}

/** More than the work takes, whatever the engine does: nobody would end this process else. */
const LONGEST_WORK_MS = 60_000

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  } catch {
    // A pipe that breaks has ended, too.
  }
  return Buffer.concat(chunks).toString()
}

keepReportsPrivate(process)
// oxlint-disable-next-line unicorn/no-process-exit -- what still waits for the engine is of no use any more
void watch(process.stdin).finally(() => process.exit())
