import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Platform} from '../../../../src/lib/engine/engine.ts'
import {checkPlatforms} from '../../../../src/lib/gateway/upstream/platforms.ts'

const linux = (arch: string, product = '') => ({os: 'linux', arch, product})
const on = (architecture: string, variant?: string): Platform => ({
  os: 'linux',
  architecture,
  ...(variant !== undefined && {variant}),
})

function refused(platforms: readonly Platform[], engine: ReturnType<typeof linux>): boolean {
  try {
    checkPlatforms('a/b:1', platforms, engine)
    return false
  } catch (error) {
    if (error instanceof PluginError) return true
    throw error
  }
}

describe('checkPlatforms', () => {
  test.each<[readonly Platform[], ReturnType<typeof linux>, boolean]>([
    [[], linux('amd64'), false],
    [[on('amd64')], linux('amd64'), false],
    [[on('s390x'), on('arm64', 'v8')], linux('arm64'), false],
    [[on('386')], linux('amd64'), false],
    [[on('arm', 'v7')], linux('arm64'), false],
    [[on('arm64')], linux('amd64'), true],
    [[on('amd64')], linux('386'), true],
    [[{os: 'windows', architecture: 'amd64'}], linux('amd64'), true],
    [[on('amd64')], linux('arm64', 'Docker Desktop 4.40.0 (187762)'), false],
    [[on('s390x')], linux('arm64', 'Docker Desktop 4.40.0 (187762)'), true],
    [[on('amd64')], linux('arm64', 'Docker Engine - Community'), true],
  ])('%j on %j: refused %s', (platforms, engine, expected) => {
    expect(refused(platforms, engine)).toBe(expected)
  })

  test('refuses nothing that has the platform of the engine among others', () => {
    const platform = fc.record({os: fc.string(), architecture: fc.string()})
    fc.assert(
      fc.property(fc.array(platform), fc.array(platform), fc.string(), (before, after, arch) => {
        expect(refused([...before, on(arch), ...after], linux(arch))).toBe(false)
      }),
    )
  })

  test('names a few platforms on one line, whatever a registry calls them', () => {
    const hostile = Array.from({length: 500}, (_, index) => on(`x\n! server y: ${index}\u202e`))
    const check = () => checkPlatforms('a/b:1', hostile, linux('amd64'))
    expect(check).toThrow(/^the image a\/b:1 is made for .* and 492 more; the engine runs [^\n]*$/)
  })
})
