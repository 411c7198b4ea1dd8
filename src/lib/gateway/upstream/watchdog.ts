import {spawn} from 'node:child_process'
import {withDeadline} from '../../base/async.ts'
import {messageOf} from '../../base/errors.ts'
import {WATCHDOG_OVER, type WatchdogTask} from '../../engine/watchdog-task.ts'

/** What a program that reaches an engine may need: none of it is secret, where the gateway's own may be. */
const PASSED_ON = ['PATH', 'HOME', 'USERPROFILE', 'SSH_AUTH_SOCK', 'SystemRoot', 'TEMP', 'TMPDIR']
/** It waits for the end of a pipe, and needs no threads for that. */
const NODE_FLAGS = ['--v8-pool-size=0']
/** What a pipe may take to take one word. */
const SAID_MS = 500

/** A process that outlives this one if it must, to clear away what this one leaves on the engine. */
export interface Watchdog {
  /** Settles with what became of it when it is gone. Never rejects. */
  readonly ended: Promise<string>
  /** Nothing is left: it may end. Never rejects. */
  dismiss(): Promise<void>
  /** Something may be left: it does its work, as if this process were killed. */
  release(): void
}

/**
 * Starts the watchdog: a process in a session of its own, which a signal to this one's group does not reach. What it
 * needs to know goes through its stdin, whose end is the end of this process.
 * @throws when the system starts no process, if that is known at once
 * @param input `program`: the file that Node runs; `endpoint`: of the engine, keys of TLS included
 */
export function startWatchdog({
  program,
  ...task
}: {readonly program: string} & WatchdogTask): Watchdog {
  const child = spawn(process.execPath, [...NODE_FLAGS, program], {
    detached: true,
    cwd: '/',
    env: Object.fromEntries(PASSED_ON.flatMap(name => variable(name))),
    stdio: ['pipe', 'ignore', 'ignore'],
    windowsHide: true,
  })
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(messageOf(error)))
    child.once('exit', (code, signal) => resolve(`it ended (${signal ?? `exit code ${code}`})`))
  })
  const {stdin} = child
  // It may have ended already: that is told by the other events.
  stdin.on('error', () => undefined)
  stdin.write(`${JSON.stringify(task)}\n`)
  // Neither it nor the pipe keeps this process from ending.
  child.unref()
  Reflect.apply(Reflect.get(stdin, 'unref'), stdin, [])
  return {
    ended,
    async dismiss() {
      const said = new Promise<void>(resolve => {
        stdin.once('close', resolve).end(`${WATCHDOG_OVER}\n`, resolve)
      })
      await withDeadline(said, SAID_MS, () => new Error('too late')).catch(() => undefined)
    },
    release: () => void stdin.end(),
  }
}

function variable(name: string): readonly (readonly [string, string])[] {
  const value = process.env[name]
  return value === undefined ? [] : [[name, value]]
}
