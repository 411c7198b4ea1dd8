import {withDeadline} from '../../base/async.ts'
import type {Request} from '../wire/jsonrpc.ts'
import type {Connection} from './connection.ts'

/** How often a server that has nothing to do is asked whether it is there. */
const EVERY_MS = 60_000
/** What it may take to answer. */
const ANSWER_MS = 15_000

/** What is said of a server that does not. */
export const HANGS = `did not answer a ping within ${ANSWER_MS / 1000} s`

/**
 * Pings a server while nothing is in flight (MCP 2025-11-25, ping). Any answer is one, also a refusal. A server that
 * was asked something meanwhile is not judged: it may be at work and answer when that is done.
 * @param input `asking`: the ping; `asked`: how much the server was asked so far, and whether it is at anything now
 * @param onHang called once, when it does not answer
 */
export function watchHealth(
  connection: Pick<Connection, 'request'>,
  input: {
    readonly asking: Request
    readonly asked: () => {readonly count: number; readonly isBusy: boolean}
  },
  onHang: () => void,
): Disposable {
  const {asking, asked} = input
  let ping: Promise<unknown> | undefined
  let isOver = false
  const look = async () => {
    const {count, isBusy} = asked()
    if (isBusy) return
    ping ??= connection.request(asking).finally(() => {
      ping = undefined
    })
    const silence = new Error(HANGS)
    const error: unknown = await withDeadline(ping, ANSWER_MS, () => silence).catch(
      (reason: unknown) => reason,
    )
    const then = asked()
    if (isOver || error !== silence || then.isBusy || then.count !== count) return
    onHang()
  }
  const timer = setInterval(() => void look(), EVERY_MS)
  timer.unref()
  return {
    [Symbol.dispose]: () => {
      isOver = true
      clearInterval(timer)
    },
  }
}
