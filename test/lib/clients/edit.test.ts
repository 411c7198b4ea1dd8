import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {depthOf, type Change, type FileFormat} from '../../../src/lib/clients/change.ts'
import {jsonFile} from '../../../src/lib/clients/json-file.ts'
import {tomlFile} from '../../../src/lib/clients/toml-file.ts'
import {yamlFile} from '../../../src/lib/clients/yaml-file.ts'

/** Each run reads and writes a document several times. */
fc.configureGlobal({numRuns: 50})

const ENTRY = {command: 'docker', args: ['mcp', 'gateway', 'run', '--profile', 'dev']}
const CHANGE: Change = {container: ['mcpServers'], key: 'MCP_DOCKER', value: ENTRY}
const LIST: Change = {...CHANGE, list: {nameKey: 'name'}}

const COMMENT = fc
  .stringMatching(/^[a-z "'{}[\],=:.*]{0,12}$/)
  .map(text => text.replaceAll('*/', ''))
const NAME = fc.constantFrom(
  'a',
  'b c',
  'fetch',
  'other',
  'x.y',
  'Ünïcode',
  '__proto__',
  '1',
  '"q"',
)

interface Doc {
  readonly text: string
  readonly comments: readonly string[]
}

/** Random members of a map, each with comments around it, as a text of the format. */
const servers = fc.uniqueArray(fc.record({name: NAME, note: COMMENT, arg: COMMENT}), {
  maxLength: 4,
  selector: ({name}) => name,
})

const layout = fc.record({
  servers,
  eol: fc.constantFrom('\n', '\r\n'),
  step: fc.constantFrom('  ', '    ', '\t'),
  isTrailing: fc.boolean(),
  isFinal: fc.boolean(),
  isLine: fc.boolean(),
  bom: fc.constantFrom('', '\uFEFF'),
  top: COMMENT,
  hasContainer: fc.boolean(),
})
type Layout = typeof layout extends fc.Arbitrary<infer T> ? T : never

function jsonOf({
  servers: all,
  eol,
  step,
  isTrailing,
  isFinal,
  isLine,
  bom,
  top,
  hasContainer,
}: Layout): Doc {
  const comments = [top, ...(hasContainer ? all.map(({note}) => note) : [])].map(
    text => `#${text}#`,
  )
  const mark = (text: string) => (isLine ? `/*#${text}#*/` : `// #${text}#`)
  const gap = isLine ? '' : eol
  const pad = (depth: number) => (isLine ? '' : step.repeat(depth))
  const tail = isTrailing ? ',' : ''
  const members = all.map(({name, note, arg}, index) => {
    const comma = index < all.length - 1 ? ',' : tail
    return `${pad(2)}${JSON.stringify(name)}: {"command": "x", "args": [${JSON.stringify(arg)}]}${comma} ${mark(note)}${gap}`
  })
  const inner = members.length === 0 ? '{}' : `{${gap}${members.join('')}${pad(1)}}`
  const container = hasContainer ? `,${gap}${pad(1)}"mcpServers": ${inner}` : ''
  const last = hasContainer && !isTrailing ? container : `${container},${gap}${pad(1)}"z": null`
  const text = `${bom}${mark(top)}${isLine ? '' : eol}{${gap}${pad(1)}"n": 1.50${last}${gap}}${isFinal ? eol : ''}`
  return {text, comments}
}

function yamlOf({servers: all, eol, isFinal, isLine, bom, top, hasContainer}: Layout): Doc {
  const lines = [`# #${top}#`, 'n: 1.50 # #kept#']
  if (hasContainer && all.length > 0) {
    lines.push('mcpServers:')
    for (const {name, note, arg} of all) {
      const key = JSON.stringify(name)
      if (isLine) lines.push(`  ${key}: {command: x, args: [${JSON.stringify(arg)}]} # #${note}#`)
      else
        lines.push(
          `  # #${note}#`,
          `  ${key}:`,
          '    command: x',
          `    args: [${JSON.stringify(arg)}]`,
        )
    }
  }
  lines.push('z: |', '  text', '  # no comment')
  const comments = [top, 'kept', ...(hasContainer ? all.map(({note}) => note) : [])]
  return {
    text: bom + lines.join(eol) + (isFinal ? eol : ''),
    comments: comments.map(text => `#${text}#`),
  }
}

function listOf(doc: Layout): Doc {
  const {servers: all, eol, isFinal, isLine, bom, top, hasContainer} = doc
  const lines = [`# #${top}#`, 'n: 1.50 # #kept#']
  if (hasContainer && all.length > 0) {
    lines.push('mcpServers:')
    for (const {name, note, arg} of all) {
      const key = JSON.stringify(name)
      if (isLine) lines.push(`  - {name: ${key}, args: [${JSON.stringify(arg)}]} # #${note}#`)
      else lines.push(`  - name: ${key} # #${note}#`, '    command: x')
    }
  }
  lines.push('z: 1')
  const comments = [top, 'kept', ...(hasContainer ? all.map(({note}) => note) : [])]
  return {
    text: bom + lines.join(eol) + (isFinal ? eol : ''),
    comments: comments.map(text => `#${text}#`),
  }
}

function tomlOf({
  servers: all,
  eol,
  isFinal,
  isLine,
  isTrailing,
  bom,
  top,
  hasContainer,
}: Layout): Doc {
  const lines = [`# #${top}#`, 'n = 1.50 # #kept#', 's = """', '[mcpServers.MCP_DOCKER]', '"""']
  if (hasContainer && isTrailing) lines.push('', '[mcpServers]')
  for (const {name, note, arg} of hasContainer ? all : []) {
    const key = JSON.stringify(name)
    if (isTrailing && isLine)
      lines.push(`${key} = {command = "x", args = [${JSON.stringify(arg)}]} # #${note}#`)
    else
      lines.push(
        '',
        `  # #${note}#`,
        `  [ mcpServers . ${key} ]`,
        '  command = "x" # x',
        `  args = [ # y`,
        `    ${JSON.stringify(arg)},`,
        '  ]',
        `  [mcpServers.${key}.env]`,
        '  A = "b"',
      )
  }
  lines.push(...(isLine ? [] : ['', '# #end#', '[[z]]', 'a = 1', '[[z]]']))
  const comments = [
    top,
    'kept',
    ...(hasContainer ? all.map(({note}) => note) : []),
    ...(isLine ? [] : ['end']),
  ]
  return {
    text: bom + lines.join(eol) + (isFinal ? eol : ''),
    comments: comments.map(text => `#${text}#`),
  }
}

function arrayOf({
  servers: all,
  eol,
  isFinal,
  isLine,
  isTrailing,
  bom,
  top,
  hasContainer,
}: Layout): Doc {
  const lines = [`# #${top}#`, 'n = 1.50 # #kept#']
  const isInline = hasContainer && isTrailing && all.length > 0
  if (isInline) {
    lines.push('mcpServers = [')
    for (const {name, note} of all) lines.push(`  {name = ${JSON.stringify(name)}}, # #${note}#`)
    lines.push(']')
  }
  for (const {name, note, arg} of hasContainer && !isInline ? all : []) {
    lines.push(
      `# #${note}#`,
      '[[mcpServers]]',
      `name = ${JSON.stringify(name)}`,
      `args = [${JSON.stringify(arg)}]`,
    )
    if (isLine) lines.push('[mcpServers.env]', 'A = "b"')
  }
  if (!isInline) lines.push('', '[z]', 'a = 1')
  const comments = [top, 'kept', ...(hasContainer ? all.map(({note}) => note) : [])]
  return {
    text: bom + lines.join(eol) + (isFinal ? eol : ''),
    comments: comments.map(text => `#${text}#`),
  }
}

const FORMATS: readonly [string, FileFormat, Change, (layout: Layout) => Doc][] = [
  ['JSON', jsonFile, CHANGE, jsonOf],
  ['YAML', yamlFile, CHANGE, yamlOf],
  ['a list in YAML', yamlFile, LIST, listOf],
  ['TOML', tomlFile, CHANGE, tomlOf],
  ['an array of tables in TOML', tomlFile, LIST, arrayOf],
]

describe.each(FORMATS)('editing %s', (_name, format, change, write) => {
  const docs = layout.map(made => write(made))

  test('keeps every comment and every other value, in their order', () => {
    fc.assert(
      fc.property(docs, ({text, comments}) => {
        const after = format.edit(text, change, 'f')
        for (const comment of comments) expect(after).toContain(comment)
        expect(after.startsWith('\uFEFF')).toBe(text.startsWith('\uFEFF'))
        expect(/(?<!\r)\n/.test(after)).toBe(text.includes('\n') && !text.includes('\r\n'))
        const added = format.read(after, 'f')
        const without = format.edit(after, {...change, value: undefined, keep: 0}, 'f')
        expect(format.read(without, 'f')).toEqual(withoutEmpty(format.read(text, 'f')))
        expect(JSON.stringify(added)).toContain(JSON.stringify(ENTRY).slice(1, -1))
      }),
    )
  })

  test('gives the original back, byte for byte, when what was added is removed', () => {
    fc.assert(
      fc.property(docs, ({text}) => {
        const keep = depthOf(format.read(text, 'f'), change.container)
        const after = format.edit(text, change, 'f')
        expect(after).not.toBe(text)
        expect(format.edit(after, {...change, value: undefined, keep}, 'f')).toBe(text)
      }),
    )
  })

  test('adds once what is added twice', () => {
    fc.assert(
      fc.property(docs, ({text}) => {
        const once = format.edit(text, change, 'f')
        expect(format.edit(once, change, 'f')).toBe(once)
      }),
    )
  })

  test('changes one word when one word differs', () => {
    fc.assert(
      fc.property(docs, ({text}) => {
        const once = format.edit(text, change, 'f')
        const other = {...ENTRY, args: ENTRY.args.with(4, 'web')}
        const twice = format.edit(once, {...change, value: other}, 'f')
        expect(twice).toBe(once.replace(/dev(?!.*dev)/s, 'web'))
      }),
    )
  })

  test('removes nothing where nothing is', () => {
    fc.assert(
      fc.property(docs, ({text}) => {
        expect(format.edit(text, {...change, value: undefined}, 'f')).toBe(text)
      }),
    )
  })
})

function withoutEmpty(root: Record<string, unknown>): unknown {
  const {mcpServers, ...others} = root
  const isEmpty = mcpServers === undefined || Object.keys(mcpServers as object).length === 0
  return isEmpty ? others : root
}
