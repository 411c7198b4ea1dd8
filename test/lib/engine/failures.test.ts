import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {resolveEndpoint} from '../../../src/lib/engine/endpoint.ts'
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

describe('an engine without root', () => {
  test('is named when nothing is at the place that nobody chose', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rootless-'))
    try {
      const paths = {globals: {hosts: [], debug: false, tls: false}, dockerConfigDir: folder}
      const env = {XDG_RUNTIME_DIR: folder}
      const place = await resolveEndpoint({...paths, env, platform: 'linux'})
      expect(unreachable(place, systemError('ENOENT')).hint).toContain('start the engine')
      await mkdir(join(folder, 'podman'))
      await writeFile(join(folder, 'podman', 'podman.sock'), '')
      expect(unreachable(place, systemError('ENOENT')).hint).toContain(
        `set DOCKER_HOST=unix://${folder}/podman/podman.sock`,
      )
      await writeFile(join(folder, 'docker.sock'), '')
      expect(unreachable(place, systemError('EACCES')).hint).toContain(
        `unix://${folder}/docker.sock`,
      )
      const chosen = {...env, DOCKER_HOST: 'unix:///run/x.sock'}
      const other = await resolveEndpoint({...paths, env: chosen, platform: 'linux'})
      expect(unreachable(other, systemError('ENOENT')).hint).toContain('start the engine')
    } finally {
      await rm(folder, {recursive: true})
    }
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
    [{kind: 'ssh', host: 'h', from: 'x'} as const, 'ssh://h (from x)'],
    [
      {kind: 'ssh', user: 'u', host: '::1', port: 2, path: '/x.sock', from: 'x'} as const,
      'ssh://u@[::1]:2/x.sock (from x)',
    ],
  ])('writes it as docker does (%#)', (place, text) => {
    expect(endpointText(place)).toBe(text)
  })
})
