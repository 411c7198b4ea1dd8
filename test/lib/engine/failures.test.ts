import {describe, expect, test} from 'vitest'
import {endpointText, unreachable} from '../../../src/lib/engine/failures.ts'

const endpoint = {kind: 'unix', path: '/run/x.sock', from: 'DOCKER_HOST'} as const
const systemError = (code: string) => Object.assign(new Error('words of the system'), {code})

describe('unreachable', () => {
  test.each([
    ['ENOENT', 'there is no such socket (ENOENT)', 'start the engine'],
    ['ECONNREFUSED', 'nothing listens there (ECONNREFUSED)', 'docker context ls'],
    ['EACCES', 'this user may not open the socket (EACCES)', 'usermod -aG docker'],
    ['EPERM', 'this user may not open the socket (EPERM)', 'usermod -aG docker'],
    ['ENOTFOUND', 'the host name is not known (ENOTFOUND)', 'correct the host'],
    ['ETIMEDOUT', 'the host does not answer (ETIMEDOUT)', 'network'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'the secure connection failed: words of', 'DOCKER_CERT_PATH'],
    ['CERT_HAS_EXPIRED', 'the secure connection failed: words of', 'DOCKER_CERT_PATH'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'the secure connection failed: words of', 'certificates'],
    ['EOTHER', 'words of the system', 'start the engine'],
  ])('says what %s means and what to do', (code, why, hint) => {
    const cause = systemError(code)
    expect(unreachable(endpoint, cause)).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining(
        `no Docker engine at unix:///run/x.sock (from DOCKER_HOST): ${why}`,
      ),
      hint: expect.stringContaining(hint),
      cause,
    })
  })
})

describe('endpointText', () => {
  test.each([
    [endpoint, 'unix:///run/x.sock (from DOCKER_HOST)'],
    [
      {kind: 'npipe', path: '//./pipe/docker_engine', from: 'the default'} as const,
      'npipe:////./pipe/docker_engine (from the default)',
    ],
    [{kind: 'tcp', host: '::1', port: 1, from: 'x'} as const, 'tcp://[::1]:1 (from x)'],
  ])('writes it as docker does (%#)', (place, text) => {
    expect(endpointText(place)).toBe(text)
  })
})
