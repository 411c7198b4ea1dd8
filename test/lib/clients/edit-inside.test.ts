import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {Change, FileFormat} from '../../../src/lib/clients/change.ts'
import {jsonFile} from '../../../src/lib/clients/json-file.ts'
import {tomlFile} from '../../../src/lib/clients/toml-file.ts'
import {yamlFile} from '../../../src/lib/clients/yaml-file.ts'

/** Our own entry as a person has commented it, and what it is to become. */
interface Doc {
  readonly args: readonly Part[]
  readonly env: readonly Part[]
  /** The list is on one line, where the format lets comments be there. */
  readonly isLine: boolean
  readonly isTrailing: boolean
  /** Commas between brackets stand before the items, but for the first, where each has a line of its own. */
  readonly isCommaFirst: boolean
  /** Of YAML: brackets instead of dashes; of TOML: a table of its own for the variables. */
  readonly isOther: boolean
  readonly isFinal: boolean
  readonly eol: string
  readonly step: string
}

/** An item of the list, or a variable. */
interface Part {
  readonly name: string
  readonly hasAbove: boolean
  readonly hasBehind: boolean
  /** Of an item with a dash: the comment above stands between the two. */
  readonly isSplit: boolean
  /** It is on the line of the one before it, where no comment is between them. */
  readonly isJoined: boolean
  readonly fate: 'stays' | 'goes'
  /** What is new before it. */
  readonly fresh: readonly string[]
}

const parts = (letter: string) =>
  fc
    .array(
      fc.record({
        hasAbove: fc.boolean(),
        hasBehind: fc.boolean(),
        isSplit: fc.boolean(),
        isJoined: fc.boolean(),
        fate: fc.constantFrom('stays' as const, 'stays' as const, 'goes' as const),
        count: fc.nat({max: 2}),
      }),
      {minLength: 1, maxLength: 6},
    )
    .filter(all => all.some(({fate}) => fate === 'stays'))
    .map(all =>
      all.map(({count, ...part}, index) => ({
        ...part,
        name: `${letter}${index}`,
        fresh: Array.from({length: count}, (_, at) => `N${letter}${index}${at}`),
      })),
    )

const DOC: fc.Arbitrary<Doc> = fc.record({
  args: parts('a'),
  env: parts('E'),
  isLine: fc.boolean(),
  isTrailing: fc.boolean(),
  isCommaFirst: fc.boolean(),
  isOther: fc.boolean(),
  isFinal: fc.boolean(),
  eol: fc.constantFrom('\n', '\r\n'),
  step: fc.constantFrom('  ', '    '),
})

const above = ({name}: Part) => `^${name}^`
const behind = ({name}: Part) => `<${name}>`

function lines(
  all: readonly Part[],
  {indent, mark, item}: {indent: string; mark: string; item: (part: Part, at: number) => string},
): readonly string[] {
  return all.flatMap((part, at) => [
    ...(part.hasAbove ? [`${indent}${mark} ${above(part)}`] : []),
    `${indent}${item(part, at)}${part.hasBehind ? ` ${mark} ${behind(part)}` : ''}`,
  ])
}

/** Items between brackets, some of them on one line. */
function bracketed(
  all: readonly Part[],
  look: {indent: string; mark: string; item: (part: Part, at: number) => string},
): readonly string[] {
  return all.reduce<readonly string[]>((before, part, at) => {
    const own = lines([part], {...look, item: () => look.item(part, at)})
    const isJoined = part.isJoined && !part.hasAbove && at > 0 && !all[at - 1]?.hasBehind
    return isJoined
      ? [...before.slice(0, -1), `${before.at(-1)} ${own.join('').trimStart()}`]
      : [...before, ...own]
  }, [])
}

/** Items with a dash each, some of them on the line below it. */
function dashed(
  all: readonly Part[],
  {indent, item}: {indent: string; item: (part: Part) => string},
): readonly string[] {
  return all.flatMap(part => {
    const own = `${item(part)}${part.hasBehind ? ` # ${behind(part)}` : ''}`
    if (!part.hasAbove) return [`${indent}- ${own}`]
    return part.isSplit
      ? [`${indent}- # ${above(part)}`, `${indent}  ${own}`]
      : [`${indent}# ${above(part)}`, `${indent}- ${own}`]
  })
}

/** The comma behind an item, with none behind the last one when none is wanted there. */
function comma(all: readonly Part[], at: number, isTrailing: boolean): string {
  return isTrailing || at < all.length - 1 ? ',' : ''
}

/** A word between brackets, with the comma that belongs to it. */
function listed(word: string, at: number, {args, isTrailing, isCommaFirst}: Doc): string {
  if (isCommaFirst) return at > 0 ? `, ${word}` : word
  return word + comma(args, at, isTrailing)
}

function jsonOf(doc: Doc): string {
  const {args, env, isLine, isTrailing, eol, step, isFinal} = doc
  const pad = (depth: number) => step.repeat(depth)
  const words = args.map(
    (part, at) =>
      `${part.hasAbove ? `/* ${above(part)} */ ` : ''}"${part.name}"${part.hasBehind ? ` /* ${behind(part)} */` : ''}${comma(args, at, isTrailing)}`,
  )
  const list = isLine
    ? [`${pad(3)}"args": [${words.join(' ')}], // ^list^`]
    : [
        `${pad(3)}"args": [ // ^open^`,
        ...bracketed(args, {
          indent: pad(4),
          mark: '//',
          item: (part, at) => listed(`"${part.name}"`, at, doc),
        }),
        `${pad(4)}// ^end^`,
        `${pad(3)}],`,
      ]
  return (
    [
      '{',
      `${pad(1)}"s": {`,
      `${pad(2)}"M": { // ^entry^`,
      `${pad(3)}"command": "d", // ^command^`,
      ...list,
      `${pad(3)}"env": { // ^env^`,
      ...lines(env, {
        indent: pad(4),
        mark: '//',
        item: (part, at) => `"${part.name}": "v"${comma(env, at, isTrailing)}`,
      }),
      `${pad(4)}// ^last^`,
      `${pad(3)}}`,
      `${pad(2)}}`,
      `${pad(1)}}`,
      '}',
    ].join(eol) + (isFinal ? eol : '')
  )
}

function yamlOf(doc: Doc): string {
  const {step} = doc
  return ended(doc, ['s:', `${step}M: # ^entry^`, ...yamlMembers(doc, step.repeat(2))])
}

function yamlListOf(doc: Doc): string {
  const members = yamlMembers(doc, '    ')
  return ended(doc, ['s:', '  - name: M # ^entry^', ...members, '  - name: other # ^other^'])
}

function yamlMembers(doc: Doc, pad: string) {
  const {args, env, isLine, isTrailing, isOther, step} = doc
  const flow = isLine
    ? [`${pad}args: [${args.map(({name}) => name).join(', ')}] # ^list^`]
    : [
        `${pad}args: [ # ^open^`,
        ...bracketed(args, {
          indent: pad + step,
          mark: '#',
          item: (part, at) => listed(part.name, at, doc),
        }),
        `${pad + step}# ^end^`,
        `${pad}]`,
      ]
  const block = [
    `${pad}args: # ^open^`,
    ...dashed(args, {
      indent: isLine ? pad : pad + step,
      item: ({name}) => (isTrailing ? `"${name}"` : name),
    }),
  ]
  return [
    `${pad}command: d # ^command^`,
    ...(isOther ? flow : block),
    `${pad}# ^between^`,
    `${pad}env: # ^env^`,
    ...lines(env, {indent: pad + step, mark: '#', item: ({name}) => `${name}: v`}),
  ]
}

function tomlOf(doc: Doc): string {
  return ended(doc, ['[s.M] # ^entry^', ...tomlMembers(doc, 's.M.env')])
}

function tomlArrayOf(doc: Doc): string {
  const members = tomlMembers(doc, 's.env')
  return ended(doc, ['[[s]] # ^entry^', 'name = "M"', ...members, '[[s]]', 'name = "other"'])
}

function tomlMembers(doc: Doc, table: string) {
  const {args, env, isLine, isOther, step} = doc
  const list = isLine
    ? [`args = [${args.map(({name}) => `"${name}"`).join(', ')}] # ^list^`]
    : [
        'args = [ # ^open^',
        ...bracketed(args, {
          indent: step,
          mark: '#',
          item: (part, at) => listed(`"${part.name}"`, at, doc),
        }),
        `${step}# ^end^`,
        ']',
      ]
  return [
    'command = "d" # ^command^',
    ...list,
    '# ^between^',
    ...(isOther ? [`[${table}] # ^env^`] : []),
    ...lines(env, {
      indent: '',
      mark: '#',
      item: ({name}) => `${isOther ? '' : 'env.'}${name} = "v"`,
    }),
  ]
}

function ended({eol, isFinal}: Doc, all: readonly string[]): string {
  return all.join(eol) + (isFinal ? eol : '')
}

function become(all: readonly Part[]): readonly string[] {
  return all.flatMap(({name, fate, fresh}) => [...fresh, ...(fate === 'stays' ? [name] : [])])
}

function entryOf({args, env}: Doc) {
  return {
    command: 'd',
    args: [...become(args)],
    env: Object.fromEntries(become(env).map(name => [name, 'v'])),
  }
}

const CHANGE = {container: ['s'], key: 'M'}
const LIST = {...CHANGE, list: {nameKey: 'name'}}
const FORMATS: readonly [string, FileFormat, Omit<Change, 'value'>, (doc: Doc) => string][] = [
  ['JSON', jsonFile, CHANGE, jsonOf],
  ['YAML', yamlFile, CHANGE, yamlOf],
  ['a list in YAML', yamlFile, LIST, yamlListOf],
  ['TOML', tomlFile, CHANGE, tomlOf],
  ['an array of tables in TOML', tomlFile, LIST, tomlArrayOf],
]

describe.each(FORMATS)('inside our entry in %s', (_name, format, change, write) => {
  test('no comment goes but that on the line of a variable that goes', () => {
    fc.assert(
      fc.property(DOC, doc => {
        const text = write(doc)
        const after = format.edit(text, {...change, value: entryOf(doc)}, 'f')
        const gone = new Set(doc.env.filter(({fate}) => fate === 'goes').map(behind))
        const kept = [...text.matchAll(/\^\w+\^|<\w+>/g)].map(([mark]) => mark)
        expect(after).toSatisfy((now: string) =>
          kept.every(mark => gone.has(mark) || now.includes(mark)),
        )
      }),
      {numRuns: 60},
    )
  })

  test('no line is left empty, and none ends with a space', () => {
    fc.assert(
      fc.property(DOC, doc => {
        const after = format.edit(write(doc), {...change, value: entryOf(doc)}, 'f')
        expect(after).not.toMatch(/[ \t]\r?\n|\n\r?\n/)
      }),
      {numRuns: 300},
    )
  })

  test('what stays keeps its comments before and behind it', () => {
    fc.assert(
      fc.property(DOC, drawn => {
        // What is new between commas that stand first takes a line that ends with one.
        const doc = {...drawn, isCommaFirst: false}
        const text = write(doc)
        const after = format.edit(text, {...change, value: entryOf(doc)}, 'f')
        for (const part of [...doc.args, ...doc.env].filter(({fate}) => fate === 'stays')) {
          expect(around(after, part.name)).toEqual(around(text, part.name))
        }
      }),
      {numRuns: 60},
    )
  })

  test('changes nothing but what differs', () => {
    fc.assert(
      fc.property(DOC, doc => {
        const text = write(doc)
        const same = {...doc, args: stay(doc.args), env: stay(doc.env)}
        expect(format.edit(text, {...change, value: entryOf(same)}, 'f')).toBe(text)
        const [first, ...others] = same.args.map(({name}) => name)
        const other = {...entryOf(same), args: ['web', ...others]}
        expect(format.edit(text, {...change, value: other}, 'f')).toBe(
          text.replace(new RegExp(String.raw`\b${first}\b(?!\^|>)`), 'web'),
        )
      }),
    )
  })
})

function stay(all: readonly Part[]): readonly Part[] {
  return all.map(part => ({...part, fate: 'stays', fresh: []}))
}

/** The marks of a word that are right before it, up to the line of another word, and behind it on its line. */
function around(text: string, name: string): readonly string[] {
  const place = new RegExp(
    String.raw`((?:^[ \t]*(?:- )?(?://|#) \^\w+\^\r?\n)*)^(.*)(?<![<^])\b${name}\b(?![>^])(.*)`,
    'm',
  )
  const all = place.exec(text)?.slice(1).join('') ?? ''
  return [...all.matchAll(new RegExp(String.raw`\^${name}\^|<${name}>`, 'g'))].map(([mark]) => mark)
}
