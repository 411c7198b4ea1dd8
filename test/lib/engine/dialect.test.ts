import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {agree, type Dialect} from '../../../src/lib/engine/dialect.ts'

const place = {kind: 'unix', path: '/run/x.sock', from: 'the test'} as const
const agreed = (body: unknown): Dialect => agree(place, {body})
const podman = agreed({ApiVersion: '1.41', Components: [{Name: 'Podman Engine'}]})
const docker = agreed({ApiVersion: '1.41', MinAPIVersion: '1.12', Components: [{Name: 'Engine'}]})

describe('agree', () => {
  test.each([
    ['1.41', '1.41'],
    ['1.43', '1.43'],
    ['1.47', '1.47'],
    ['1.51', '1.47'],
    ['2.0', '1.47'],
  ])('speaks with an engine whose newest is %s the version %s', (theirs, ours) => {
    expect(agreed({ApiVersion: theirs, MinAPIVersion: '1.24'}).apiVersion).toBe(ours)
  })

  test.each([
    [{ApiVersion: '1.40'}, /too old: it speaks API 1\.40, and this program 1\.41 to 1\.47/],
    [{ApiVersion: '0.99'}, /too old/],
    [
      {ApiVersion: '1.60', MinAPIVersion: '1.48'},
      /too new: it speaks API 1\.48 or newer, and this program 1\.41 to 1\.47/,
    ],
    [{}, /is not a Docker engine/],
    [{ApiVersion: 'x'}, /is not a Docker engine/],
    [null, /is not a Docker engine/],
  ])('refuses %j', (body, message) => {
    expect(() => agreed(body)).toThrow(
      expect.objectContaining({
        code: 'ENGINE_UNREACHABLE',
        message: expect.stringMatching(message),
        hint: expect.any(String),
      }),
    )
  })

  test('takes anything, and gives a version that we speak or one kind of error', () => {
    const version = fc.oneof(fc.string(), fc.stringMatching(/^\d{1,3}\.\d{1,3}$/))
    fc.assert(
      fc.property(version, fc.option(version), (ApiVersion, MinAPIVersion) => {
        expect(versionOrError({ApiVersion, MinAPIVersion})).toMatch(
          /^(1\.4[1-7]|ENGINE_UNREACHABLE)$/,
        )
      }),
    )
  })
})

function versionOrError(body: unknown): string {
  try {
    return agreed(body).apiVersion
  } catch (error) {
    return error instanceof PluginError ? error.code : String(error)
  }
}

const holder = {
  Image: 'x',
  Cmd: ['-'],
  Labels: {},
  HostConfig: {NetworkMode: 'none' as const, Mounts: []},
}

describe('what differs', () => {
  test('the owner of folders in memory', () => {
    const Tmpfs = {'/tmp': 'rw,uid=1000,gid=5,size=1m', '/x': 'rw'}
    const options = {...holder, HostConfig: {...holder.HostConfig, Tmpfs}}
    expect(docker.createBody(options)).toEqual(options)
    expect(podman.createBody(options)).toMatchObject({
      Image: 'x',
      HostConfig: {NetworkMode: 'none', Tmpfs: {'/tmp': 'rw,size=1m,U', '/x': 'rw'}},
    })
    expect(podman.createBody(holder)).toEqual(holder)
  })

  test.each([
    [docker, {status: 404, body: {}}, true, false],
    [docker, {status: 500, body: {message: 'no such container'}}, false, false],
    [docker, {status: 409, body: {message: 'removal is already in progress'}}, false, true],
    [docker, {status: 409, body: {message: 'is running'}}, false, false],
    [podman, {status: 404, body: {}}, true, false],
    [podman, {status: 500, body: {message: 'x: no such container'}}, true, false],
    [podman, {status: 500, body: {message: 'x could not be stopped: y'}}, false, true],
    [podman, {status: 500, body: {message: 'disk full'}}, false, false],
  ])('how it says that a container is gone or going (%#)', (dialect, answer, missing, going) => {
    expect([dialect.isMissing(answer), dialect.isGoing(answer)]).toEqual([missing, going])
  })
})
