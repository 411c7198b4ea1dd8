import {delimiter, resolve} from 'node:path'

import {expect, test} from 'vitest'

import {carriedEnv} from '../../src/lib/service-door.ts'

test('a gateway that the system starts finds files and folders from anywhere', () => {
  const env = {
    SSL_CERT_FILE: 'ca.pem',
    SSL_CERT_DIR: ['certs', '', resolve('/etc/certs')].join(delimiter),
    DOCKER_CERT_PATH: '.',
    PATH: 'bin',
  }
  const cwd = resolve('/home/a')
  expect(carriedEnv(env, cwd)).toEqual({
    SSL_CERT_FILE: resolve(cwd, 'ca.pem'),
    SSL_CERT_DIR: [resolve(cwd, 'certs'), resolve('/etc/certs')].join(delimiter),
    DOCKER_CERT_PATH: cwd,
    PATH: 'bin',
  })
})
