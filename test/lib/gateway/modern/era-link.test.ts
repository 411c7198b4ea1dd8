import {describe, expect, test} from 'vitest'
import {PluginError, type ErrorCode} from '../../../../src/lib/base/errors.ts'
import {NotModern, type WhyNotModern} from '../../../../src/lib/gateway/modern/discover.ts'
import {EraLink} from '../../../../src/lib/gateway/modern/era-link.ts'
import type {ModernLink} from '../../../../src/lib/gateway/modern/view-link.ts'
import {failure, request, result, type Response} from '../../../../src/lib/gateway/wire/jsonrpc.ts'

const HELLO = {capabilities: {}}
const CALL = request(1, 'tools/call', {name: 'go'})
const REFUSED = failure(1, -32_000, 'Mcp-Session-Id is missing')
const gone = (code: ErrorCode = 'SERVER_START_FAILED') => new PluginError(code, 'gone')
const notModern = (why: WhyNotModern = 'refusal') => new NotModern('one', 'is not', why)

/** A way to the server; it counts what is asked of it. */
class Way implements ModernLink {
  readonly server = 'one'
  readonly hello = HELLO
  isOpen = true
  readies = 0
  checks = 0
  requests = 0
  ready: () => Promise<typeof HELLO> = async () => {
    this.readies += 1
    if (this.failure) throw this.failure
    return HELLO
  }
  failure: Error | undefined
  checkFailure: Error | undefined
  answer: Response | Error = result(1, {})
  /** Whether requests reach the server. */
  isSent = true
  readonly isWaiting = false

  check = async () => {
    this.checks += 1
    if (this.checkFailure) throw this.checkFailure
    return HELLO
  }
  request: ModernLink['request'] = async (_message, asking) => {
    this.requests += 1
    if (this.isSent) asking?.onProgress?.(false)
    if (this.answer instanceof Error) throw this.answer
    return this.answer
  }
  notify = () => undefined
  watch = async () => ({honoured: {}, ended: new Promise<void>(() => undefined)})
  whenOpen = async () => undefined
  idle = async () => undefined
  close = async () => undefined
}

function linked(known: Record<string, boolean> = {}, isRemote = true) {
  const modern = new Way()
  const legacy = new Way()
  const eras = new Map(Object.entries(known))
  const signals: AbortSignal[] = []
  const clock = {now: 0}
  const link = new EraLink({
    server: 'one',
    modern,
    legacy,
    isRemote,
    eras: {
      speaks: (_server, era) => eras.get(era),
      learn: (_server, era, speaks) => void eras.set(era, speaks),
    },
    now: () => clock.now,
    onModern: (_link, until) => signals.push(until),
  })
  const ask = () => link.request(CALL, {about: 'a', signal: new AbortController().signal})
  return {link, modern, legacy, eras, signals, clock, ask}
}

describe('finding out the era of a server', () => {
  test('learns that it is a legacy one when it refuses to be a modern one', async () => {
    const {link, modern, eras} = linked()
    modern.failure = notModern()
    await link.ready()
    expect([link.isModern, eras]).toEqual([
      false,
      new Map([
        ['modern', false],
        ['legacy', true],
      ]),
    ])
  })

  test('learns nothing from troubles that pass', async () => {
    const {link, modern, eras} = linked()
    modern.failure = notModern('trouble')
    await link.ready()
    expect([link.isModern, eras.size]).toEqual([false, 0])
  })

  test.each([[{}], [{modern: false}]])(
    'gives a server that was too slow all the time when it is no legacy one, with %o known',
    async known => {
      const {link, modern, legacy, eras} = linked(known)
      legacy.failure = gone()
      modern.ready = async () => {
        modern.readies += 1
        const tries = 'modern' in known ? 1 : 2
        if (modern.readies <= tries) throw notModern('silence')
        return HELLO
      }
      await link.ready()
      expect([link.isModern, eras.get('modern')]).toEqual([true, true])
    },
  )

  test('says why the legacy way is closed when neither is open', async () => {
    const {link, modern, legacy} = linked()
    modern.failure = notModern('silence')
    legacy.failure = gone()
    await expect(link.ready()).rejects.toBe(legacy.failure)
    expect(modern.readies).toBe(3)
  })
})

describe('a server that refuses a request', () => {
  test('is asked in the other era when it is a legacy one now', async () => {
    const {link, modern, legacy, eras, signals, ask} = linked()
    await link.ready()
    modern.answer = REFUSED
    modern.checkFailure = notModern()
    expect(await ask()).toEqual(result(1, {}))
    expect([legacy.requests, eras.get('modern'), eras.get('legacy')]).toEqual([1, false, true])
    expect(signals.map(({aborted}) => aborted)).toEqual([true])
    await ask()
    expect([modern.requests, legacy.requests]).toEqual([1, 2])
  })

  test('is asked in the other era when it is a modern one now', async () => {
    const {link, modern, legacy, eras, signals, ask} = linked({modern: false})
    await link.ready()
    legacy.answer = failure(1, -32_602, '_meta is missing')
    expect(await ask()).toEqual(result(1, {}))
    expect([link.isModern, modern.requests, eras.get('modern')]).toEqual([true, 1, true])
    expect(signals.map(({aborted}) => aborted)).toEqual([false])
  })

  test('is asked what it is once in five seconds, and its refusal stands', async () => {
    const {link, modern, clock, ask} = linked()
    await link.ready()
    modern.answer = REFUSED
    expect(await Promise.all([ask(), ask()])).toEqual([REFUSED, REFUSED])
    clock.now = 4999
    expect(await ask()).toBe(REFUSED)
    expect(modern.checks).toBe(1)
    clock.now = 5000
    expect(await ask()).toBe(REFUSED)
    expect([modern.checks, modern.requests]).toEqual([2, 4])
  })

  test.each([
    ['its own failure', failure(1, -32_603, 'broken')],
    ['a header that differs', failure(1, -32_020, 'differs')],
    ['what the client cannot do', failure(1, -32_021, 'no sampling')],
  ])('is not asked what it is over %s', async (_what, answer) => {
    const {link, modern, ask} = linked()
    await link.ready()
    modern.answer = answer
    expect(await ask()).toBe(answer)
    expect(modern.checks).toBe(0)
  })

  test('is not asked what it is where its end would have been seen', async () => {
    const {link, modern, ask} = linked({}, false)
    await link.ready()
    modern.answer = REFUSED
    expect(await ask()).toBe(REFUSED)
    expect(modern.checks).toBe(0)
  })
})

describe('a legacy server that is gone, with a modern one in its place', () => {
  test.each([
    ['asked for what it cannot have begun', 'SERVER_START_FAILED', false, 1],
    ['asked for what the gateway wanted to know', 'SERVER_ENDED', false, 1],
    ['not asked twice for what may have begun', 'SERVER_ENDED', true, 0],
  ] as const)('is %s (%s)', async (_what, code, isSent, times) => {
    const {link, modern, legacy, ask} = linked({modern: false})
    await link.ready()
    legacy.answer = gone(code)
    legacy.isSent = isSent
    const outcome = await ask().catch((error: unknown) => error)
    expect([link.isModern, modern.requests]).toEqual([true, times])
    expect(outcome).toEqual(times === 1 ? result(1, {}) : legacy.answer)
  })
})
