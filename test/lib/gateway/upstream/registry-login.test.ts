import {describe, expect, test} from 'vitest'
import {registryAdvice} from '../../../../src/lib/gateway/upstream/registry-login.ts'

describe('registryAdvice', () => {
  test.each([
    ["pull access denied for mcp/x, repository does not exist or may require 'docker login'"],
    [
      'Head "https://registry-1.docker.io/v2/mcp/x/manifests/1": unauthorized: incorrect username or password',
    ],
    ['no basic auth credentials'],
    ['received unexpected HTTP status: 403 Forbidden'],
  ])('is to sign in after: %s', reason => {
    expect(registryAdvice(reason, {registry: 'docker.io'})).toMatch(/: docker login$/)
    expect(registryAdvice(reason, {registry: 'a.test:5000'})).toMatch(
      /: docker login a\.test:5000$/,
    )
  })

  test.each([
    ['manifest for a/b:2 not found: manifest unknown: manifest unknown', 'its tag'],
    ['write /var/lib/docker/tmp/x: no space left on device', 'docker system df'],
  ])('is another after: %s', (reason, advice) => {
    expect(registryAdvice(reason, {registry: 'docker.io'})).toContain(advice)
  })

  test('is none after what can have any reason', () => {
    const reason = 'dial tcp 127.0.0.1:1: connect: connection refused'
    expect(registryAdvice(reason, {registry: 'docker.io'})).toBeUndefined()
  })
})
