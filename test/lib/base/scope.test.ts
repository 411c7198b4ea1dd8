import {describe, expect, test} from 'vitest'
import {Scope} from '../../../src/lib/base/scope.ts'

describe('Scope', () => {
  test('closes last in first out, waiting for each step', async () => {
    const closed: string[] = []
    const scope = new Scope()
    scope.defer(() => void closed.push('first'))
    scope.use({
      async [Symbol.asyncDispose]() {
        await Promise.resolve()
        closed.push('second')
      },
    })
    scope.defer(() => void closed.push('third'))
    await scope.close()
    expect(closed).toEqual(['third', 'second', 'first'])
  })

  test('runs every step when some fail, and throws all failures together', async () => {
    const closed: string[] = []
    const scope = new Scope()
    scope.defer(() => void closed.push('first'))
    scope.defer(() => {
      throw new Error('second')
    })
    scope.defer(() => Promise.reject(new Error('third')))
    const failure = await scope.close().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(AggregateError)
    expect(failure).toMatchObject({errors: [{message: 'third'}, {message: 'second'}]})
    expect(closed).toEqual(['first'])
  })

  test('closes once however often it is told to', async () => {
    let count = 0
    const scope = new Scope()
    scope.defer(() => void (count += 1))
    await Promise.all([scope.close(), scope.close()])
    await scope.close()
    expect(count).toBe(1)
  })

  test('closes at the end of its block', async () => {
    let closed = false
    {
      await using scope = new Scope()
      scope.defer(() => void (closed = true))
    }
    expect(closed).toBe(true)
  })

  test('runs a step at once that comes when it is closed', async () => {
    const scope = new Scope()
    await scope.close()
    await new Promise<void>(resolve => scope.defer(resolve))
    expect(await scope.close()).toBeUndefined()
  })

  test('forgets what has got another owner', async () => {
    let closed = false
    const scope = new Scope()
    scope.defer(() => void (closed = true))
    scope.release()
    await scope.close()
    expect(closed).toBe(false)
  })
})
