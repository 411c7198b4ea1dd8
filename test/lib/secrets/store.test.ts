import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {errorAbout, hintAbout, isSecretName, setCommand} from '../../../src/lib/secrets/store.ts'

describe('a hint about a secret', () => {
  test('has its name in each command', () => {
    const hint = `give it (${setCommand()}), or: ${setCommand()} --store file`
    expect(hintAbout('a.key', hint)).toBe(
      'give it (docker mcp secret set a.key), or: docker mcp secret set a.key --store file',
    )
    const error = errorAbout('a.key', new PluginError('SECRET_LOCKED', 'it is locked', {hint}))
    expect(error).toMatchObject({code: 'SECRET_LOCKED', hint: hintAbout('a.key', hint)})
  })

  test('keeps the name that it has, whatever that is', () => {
    const names = fc
      .tuple(fc.constantFrom('NAME', ''), fc.stringMatching(/^[\w.:/-]{1,8}$/))
      .map(parts => parts.join(''))
      .filter(isSecretName)
    fc.assert(
      fc.property(names, name => {
        const hint = `${setCommand(name)} --store file; or: ${setCommand(name)}`
        expect(hintAbout(name, hint)).toBe(hint)
        const error = new PluginError('SECRET_LOCKED', 'it is locked', {hint})
        expect(errorAbout(name, error)).toBe(error)
      }),
    )
  })
})
