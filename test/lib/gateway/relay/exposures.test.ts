import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {Exposures, type Own} from '../../../../src/lib/gateway/relay/exposures.ts'
import {markPlace, markUri} from '../../../../src/lib/gateway/relay/uris.ts'

const uris = () => new Exposures({mark: markUri, onMarked: () => undefined})
const ids = () => new Exposures({mark: (id, name) => `${name}~${id}`, onMarked: () => undefined})

const a = (own: string): Own => ({server: 'a', own})
const b = (own: string): Own => ({server: 'b', own})

/** Servers whose marks meet, and texts that meet: with each other and with those that marks lead to. */
const anyOwn = fc.record({
  server: fc.constantFrom('a', 'b', 'A', 'x.y', 'x/y', 'x y', '', '__proto__'),
  own: fc.oneof(
    fc.constantFrom('t://x', 't://a~x', 't://b~x', 't://a~a~x', 'file:///a', 'file://b~/a'),
    fc.constantFrom('ui://w', 'urn:q', 'q', 'a~q', '', '__proto__', 'constructor', '{+x}'),
    fc.webUrl(),
    fc.string({maxLength: 5}),
  ),
})
const anyStep = fc.oneof(
  fc.record({mention: anyOwn}),
  fc.record({list: fc.array(anyOwn, {maxLength: 8})}),
)
const anySteps = fc.array(anyStep, {maxLength: 8})
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

/** Takes the steps and gives what was shown of everything after each of them. */
function shownAfter(exposures: Exposures, steps: readonly Step[]): ReadonlyMap<string, string>[] {
  const all: Own[] = []
  return steps.map(step => {
    if ('mention' in step) {
      exposures.expose(step.mention)
      all.push(step.mention)
    } else {
      exposures.list(step.list)
      all.push(...step.list)
    }
    return new Map(all.map(own => [JSON.stringify(own), exposures.shown(own) ?? 'nothing']))
  })
}

describe('Exposures', () => {
  test.each([
    ['URIs', uris],
    ['ids', ids],
  ])('show all %s of all servers differently, and find back from each', (_kind, make) => {
    fc.assert(
      fc.property(anySteps, steps => {
        const exposures = make()
        const shown = shownAfter(exposures, steps).at(-1) ?? new Map<string, string>()
        expect(new Set(shown.values()).size).toBe(shown.size)
        for (const [own, exposed] of shown) {
          expect(exposures.find(exposed)).toEqual(JSON.parse(own))
        }
      }),
    )
  })

  test('never give another meaning to what was shown, in whatever order lists arrive', () => {
    fc.assert(
      fc.property(anySteps, steps => {
        const states = shownAfter(uris(), steps)
        const last = states.at(-1)
        for (const [own, exposed] of states.flatMap(state => [...state])) {
          expect(last?.get(own)).toBe(exposed)
        }
      }),
    )
  })

  test('keep the scheme', () => {
    fc.assert(
      fc.property(anySteps, steps => {
        for (const [own, exposed] of shownAfter(uris(), steps).at(-1) ?? []) {
          const uri: string = JSON.parse(own).own
          const front = uri.slice(0, markPlace(uri))
          expect(exposed.slice(0, front.length)).toBe(front)
        }
      }),
    )
  })

  test('leave what only one server has as it is', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyOwn, {selector: ({own}) => own}), owns => {
        const [listed, mentioned] = [uris(), uris()]
        listed.list(owns)
        for (const own of owns) {
          expect(listed.shown(own)).toBe(own.own)
          expect(mentioned.expose(own)).toBe(own.own)
        }
      }),
    )
  })

  test('are the same for the same lists', () => {
    fc.assert(
      fc.property(fc.array(anyOwn), owns => {
        const [one, other] = [uris(), uris()]
        one.list(owns)
        other.list(structuredClone(owns))
        expect([...other.listed]).toEqual([...one.listed])
      }),
    )
  })

  test('leave a contested text to the first in configured order', () => {
    const exposures = uris()
    exposures.list([a('x:1'), b('x:1'), b('x:2')])
    expect([...exposures.listed.keys()]).toEqual(['x:1', 'x:b~1', 'x:2'])
  })

  test('make nothing that another server lists', () => {
    const exposures = uris()
    exposures.list([a('x:1'), b('x:1'), {server: 'c', own: 'x:b~1'}])
    expect(exposures.shown({server: 'c', own: 'x:b~1'})).toBe('x:b~1')
    expect(exposures.shown(b('x:1'))).toMatch(/^x:b-[0-9a-f]{8}~1$/)
  })

  test('leave a text to the server that mentioned it before another listed it', () => {
    const exposures = uris()
    expect(exposures.expose(b('x:1'))).toBe('x:1')
    exposures.list([a('x:1'), b('x:1')])
    expect([...exposures.listed]).toEqual([
      ['x:a~1', a('x:1')],
      ['x:1', b('x:1')],
    ])
  })

  test('keep what is not listed any more', () => {
    const exposures = uris()
    exposures.list([a('x:1'), b('x:1')])
    exposures.list([])
    expect(exposures.find('x:1')).toEqual(a('x:1'))
    expect(exposures.find('x:b~1')).toEqual(b('x:1'))
    expect(exposures.expose({server: 'c', own: 'x:1'})).toBe('x:c~1')
  })

  test('forget what was mentioned long ago and not used since, but nothing that is listed', () => {
    const exposures = ids()
    exposures.list([a('listed')])
    exposures.expose(a('used'))
    exposures.expose(a('old'))
    for (let count = 0; count < 4999; count += 1) {
      exposures.expose(a(`new ${count}`))
      exposures.find('used')
    }
    expect(['listed', 'used', 'old'].map(id => exposures.find(id))).toEqual([
      a('listed'),
      a('used'),
      undefined,
    ])
    expect(exposures.expose(b('old'))).toBe('old')
  })

  test('neither keep nor change what is too long, unless it is listed', () => {
    const exposures = uris()
    const long = `x:${'y'.repeat(2000)}`
    expect([a(long), b(long)].map(own => exposures.expose(own))).toEqual([long, long])
    expect(exposures.find(long)).toBeUndefined()
    exposures.list([a(long), b(long)])
    expect(exposures.expose(b(long))).toBe(markUri(long, 'b'))
    exposures.list([])
    expect(exposures.find(long)).toBeUndefined()
  })

  test('tell of each text that has got another form', () => {
    const told: unknown[] = []
    const exposures = new Exposures({
      mark: markUri,
      onMarked: (...marked) => void told.push(marked),
    })
    exposures.list([a('x:1'), b('x:1')])
    exposures.expose(b('x:1'))
    exposures.expose(b('x:2'))
    exposures.expose(a('x:2'))
    expect(told).toEqual([
      [b('x:1'), 'x:b~1'],
      [a('x:2'), 'x:a~2'],
    ])
  })

  test('are what is wished for if that is free', () => {
    const exposures = uris()
    expect(exposures.expose(b('x:1'), 'x:wish~1')).toBe('x:wish~1')
    expect(exposures.expose(a('x:1'), 'x:wish~1')).toBe('x:a~1')
  })
})
