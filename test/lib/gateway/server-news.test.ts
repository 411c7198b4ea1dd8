import {describe, expect, test} from 'vitest'
import {PluginError, type ErrorCode} from '../../../src/lib/base/errors.ts'
import {ServerNews} from '../../../src/lib/gateway/server-news.ts'

/** The news of a gateway whose earlier run ended with this failure of the server `one`. */
async function newsAfter(code: ErrorCode): Promise<ServerNews> {
  const error = {code, message: 'it failed'}
  const at = '2026-11-20T12:00:00Z'
  const record = {server: 'one', state: 'failed', at, error, fingerprint: 'same'} as const
  const news = new ServerNews({
    plan: () => ({servers: []}),
    limits: () => ({tools: undefined, tokens: undefined}),
    status: {
      read: async () => new Map([['one', record]]),
      ready: async () => undefined,
      failed: async () => undefined,
    },
    redact: text => text,
    log: () => undefined,
    notify: () => undefined,
  })
  await news.load(new Map([['one', 'same']]))
  return news
}

describe('ServerNews', () => {
  test('doubts a server that failed in an earlier run', async () => {
    expect((await newsAfter('SERVER_START_FAILED')).isDoubtful('one')).toBe(true)
  })

  test.each(['SECRET_MISSING', 'SECRET_LOCKED', 'FILE_DENIED', 'CONFIG_MISSING'] as const)(
    'doubts none for %s, which may be mended by now',
    async code => {
      const news = await newsAfter(code)
      expect(news.isDoubtful('one')).toBe(false)
      news.onFailed('one', new PluginError(code, 'it failed again'))
      expect(news.isDoubtful('one')).toBe(false)
    },
  )
})
