import {describe, expect, test} from 'vitest'
import type {Change} from '../../../src/lib/clients/change.ts'
import {diffOf} from '../../../src/lib/clients/diff.ts'
import {oursIn} from '../../../src/lib/clients/print.ts'
import {jsonFile} from '../../../src/lib/clients/json-file.ts'
import {tomlFile} from '../../../src/lib/clients/toml-file.ts'
import {yamlFile} from '../../../src/lib/clients/yaml-file.ts'

const ENTRY = {command: 'd', args: ['a']}
const CHANGE: Change = {container: ['s'], key: 'M', value: ENTRY}
const LIST: Change = {...CHANGE, list: {nameKey: 'name'}}
const refused = (message: string) =>
  expect.objectContaining({code: 'FILE_INVALID', message: expect.stringContaining(message)})

describe('JSON', () => {
  test.each([
    [
      '',
      '{\n  "s": {\n    "M": {\n      "command": "d",\n      "args": [\n        "a"\n      ]\n    }\n  }\n}\n',
    ],
    ['{"s":{}}', '{"s":{"M":{"command":"d","args":["a"]}}}'],
    ['{"a": 1}', '{"a": 1, "s": {"M": {"command": "d", "args": ["a"]}}}'],
    ['{"s":null,"z":1}', '{"s":{"M":{"command":"d","args":["a"]}},"z":1}'],
    ['{"a":1,}', '{"a":1,"s":{"M":{"command":"d","args":["a"]}},}'],
    [
      '{"s":{"M":{"command":"d","args":["b"],"x":/*k*/1}}}',
      '{"s":{"M":{"command":"d","args":["a"]}}}',
    ],
    ['{"s":{"__proto__":{"x":1}}}', '{"s":{"__proto__":{"x":1},"M":{"command":"d","args":["a"]}}}'],
  ])('%j becomes %j', (before, after) => {
    expect(jsonFile.edit(before, CHANGE, 'f')).toBe(after)
  })

  test.each([
    ['{\n "s": {"M": 1, "M": 2}}', 'f:2:16: this key is there twice'],
    ['{"s": {}, "s": {}}', 'f:1:11'],
    ['{"s": []}', 'f: s is not a map'],
    ['[]', 'f:1:1: the top is not a map'],
    ['{"s": }', 'f:1:7: this is not JSON'],
    ['{"s": {}', 'f:1:9'],
    ['{} {}', 'f:1:4'],
    ['['.repeat(100_000), 'nested too deeply'],
  ])('refuses %.40j', (text, message) => {
    expect(() => jsonFile.edit(text, CHANGE, 'f')).toThrow(refused(message))
  })

  test('pollutes nothing', () => {
    jsonFile.read(
      '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}',
      'f',
    )
    expect(({} as {polluted?: number}).polluted).toBeUndefined()
  })
})

describe('YAML', () => {
  test.each([
    ['s: []\n', 'f: s is not a map'],
    ['s:\n  M: 1\n  M: 2\n', 'f:3:3'],
    ['- 1\n', 'f:1:1'],
    ['s: {a: [}\n', 'f:1'],
  ])('refuses %j', (text, message) => {
    expect(() => yamlFile.edit(text, CHANGE, 'f')).toThrow(refused(message))
  })

  test.each([
    [
      'x: &x [b]\ns:\n  M: {command: d, args: *x} # k\n',
      'x: &x [b]\ns:\n  M: {command: d, args: [a]} # k\n',
    ],
    [
      's:\n  M:\n    args: [b, c: d]\n    command: d # k\n',
      's:\n  M:\n    args:\n      - a\n    command: d # k\n',
    ],
    [
      's:\n  M:\n    args:\n      -\n      - b\n    command: d # k\n',
      's:\n  M:\n    args:\n      - a\n    command: d # k\n',
    ],
  ])('writes a list anew where its items cannot be changed alone: %j', (before, after) => {
    expect(yamlFile.edit(before, CHANGE, 'f')).toBe(after)
  })

  test('writes a list anew where a map in it changes', () => {
    const text = 's:\n  M:\n    args: # k\n      - b: c\n      - d\n'
    const change = {...CHANGE, value: {args: [{b: 'e'}, 'd']}}
    expect(yamlFile.edit(text, change, 'f')).toBe(text.replace('c\n', 'e\n'))
  })

  test.each([
    ['x: &x {args: [b]}\ns:\n  M: *x\n', CHANGE, 'f: cannot change s.M.command in place: an alias'],
    ['x: &x [b]\ns:\n  - {name: M, args: *x}\n', LIST, 'f: cannot change s in place: the item'],
  ])('names the file, and why %j cannot be changed', (text, change, message) => {
    expect(() => yamlFile.edit(text, change, 'f')).toThrow(refused(message))
  })
})

describe('TOML', () => {
  test.each([
    ['', '[s.M]\ncommand = "d"\nargs = ["a"]\n'],
    ['s = {}\n', 's = { M = { command = "d", args = ["a"] } }\n'],
    ['s = {b = {c = 1}} # k\n', 's = {b = {c = 1}, M = { command = "d", args = ["a"] }} # k\n'],
    ['s.b.c = 1 # k\nz = 1\n', 's.b.c = 1 # k\ns.M = { command = "d", args = ["a"] }\nz = 1\n'],
    ['[s]\nb = {c = 1}\n', '[s]\nb = {c = 1}\n\n[s.M]\ncommand = "d"\nargs = ["a"]\n'],
    [
      '[s]\n  [s."M"] # ours\n  args = ["b"] # k\n  command = "d"\n  [s.M.env]\n  A = "b"\n[z]\n',
      '[s]\n  [s."M"] # ours\n  args = ["a"] # k\n  command = "d"\n[z]\n',
    ],
    ['s.M.command = "x" # k\nz = 1\n', 's.M.command = "d" # k\ns.M.args = ["a"]\nz = 1\n'],
    [
      "[s.'M']\r\ncommand = '''\r\n[s.M]\r\n'''\r\n[z]\r\n",
      '[s.\'M\']\r\ncommand = "d"\r\nargs = ["a"]\r\n[z]\r\n',
    ],
    [
      '[s."x.y"]\nd = 1979-05-27 07:32:00\nn = nan\n',
      '[s."x.y"]\nd = 1979-05-27 07:32:00\nn = nan\n\n[s.M]\ncommand = "d"\nargs = ["a"]\n',
    ],
    [
      '[["s".b]]\n[[s.b]]\nc = [[1], # x ]\n[2]]\n',
      '[["s".b]]\n[[s.b]]\nc = [[1], # x ]\n[2]]\n\n[s.M]\ncommand = "d"\nargs = ["a"]\n',
    ],
    ['"\\u0073" = {"\\x4d" = {}}\n', '"\\u0073" = {"\\x4d" = { command = "d", args = ["a"] }}\n'],
  ])('%j becomes %j', (before, after) => {
    expect(tomlFile.edit(before, CHANGE, 'f')).toBe(after)
  })

  test.each([
    ['s = []\n', 's = [{ name = "M", command = "d", args = ["a"] }]\n'],
    [
      's = [\n  {name = "b"}, # k\n]\n',
      's = [\n  {name = "b"}, # k\n  { name = "M", command = "d", args = ["a"] },\n]\n',
    ],
    [
      '[[s]]\nname = "M"\nargs = []\n[s.env]\nA = "b"\n[[s]]\nname = "b"\n',
      '[[s]]\nname = "M"\nargs = ["a"]\ncommand = "d"\n[[s]]\nname = "b"\n',
    ],
  ])('the list %j becomes %j', (before, after) => {
    expect(tomlFile.edit(before, LIST, 'f')).toBe(after)
  })

  test.each([
    ['[s.M]\na = 1 # x\n[z]\n', '[z]\n'],
    ['# k\n\n[s.M]\na = 1\n# end\n[s.M.env]\nA = "b"\n\n[z]\n', '# k\n# end\n\n[z]\n'],
    ['s = {M = {a = 1}, b = 2}\n', 's = {b = 2}\n'],
    ['s.M.a = 1\ns.M.b = 2\nz = 1\n', 'z = 1\n'],
  ])('removes from %j', (before, after) => {
    expect(tomlFile.edit(before, {...CHANGE, value: undefined}, 'f')).toBe(after)
  })

  test.each([
    ['[s.M]\ncommand = "d"\nenv.B = "c"\n', '[s.M]\ncommand = "d"\nenv.A = "b"\n'],
    ['s.M.command = "d"\ns.M.env = {B = "c"}\n', 's.M.command = "d"\ns.M.env = {A = "b"}\n'],
    [
      '[s.M]\ncommand = "d"\n[s.M.env]\n# k\nB = "c"\n',
      '[s.M]\ncommand = "d"\n[s.M.env]\n# k\nA = "b"\n',
    ],
  ])('where one variable takes the place of another, %j becomes %j', (before, after) => {
    const value = {command: 'd', env: {A: 'b'}}
    expect(tomlFile.edit(before, {...CHANGE, value}, 'f')).toBe(after)
  })

  test.each([
    ['[s.M.env]\nA = "b"\n', 'cannot change s.M in place'],
    ['s = 1\n', 'f: s is not a map'],
    ['a = 1\na = 2\n', 'f:2:1: this is not TOML'],
    ['[s.M]\n[s.M]\n', 'f:2'],
    ['a = \n', 'f:1:'],
    [`a = ${'['.repeat(50_000)}`, 'this is not TOML'],
  ])('refuses %.30j', (text, message) => {
    expect(() => tomlFile.edit(text, CHANGE, 'f')).toThrow(refused(message))
  })
})

const FILE = {format: 'json', container: ['s'], key: 'M', entry: () => ENTRY} as const
const GATEWAY = {kind: 'launch', launch: ENTRY} as const

describe('diffOf', () => {
  test.each([
    '{\n  "token": "HIDDEN",\n  "s": {"o": {"k": "HIDDEN"}},\n  "last": "HIDDEN"\n}\n',
    '{"s":{"M":{"command":"/opt/x","env":{"K":"HIDDEN"},"args":["a","--HIDDEN"]},"o":["HIDDEN"]}}',
    '{"s": {"M": {"command":"old, [HIDDEN]", "args":["HIDDEN, \\"a\\": HIDDEN"]}}, "z":"a HIDDEN"}',
    '{"s": {"M": {\n  "command": "x", "args": [\n    "HIDDEN"\n  ]}},\n  "l":\n  ["HIDDEN"]\n}\n',
  ])('shows what is ours, and of the rest only keys: %j', async before => {
    const after = jsonFile.edit(before, CHANGE, 'f')
    const diff = diffOf({path: 'f', before, after, ours: await oursIn(FILE, GATEWAY)})
    expect(after).toContain('HIDDEN')
    expect(diff).not.toContain('HIDDEN')
    expect(diff).toMatch(/^\+[^]*"command": ?"d"/m)
    expect(diffOf({path: 'f', before: after, after: before})).not.toContain('HIDDEN')
  })

  test('shows lines that are new as they are', async () => {
    const before = '{\n  "s": {\n    "o": {\n      "k": "HIDDEN"\n    }\n  }\n}\n'
    const after = jsonFile.edit(before, CHANGE, 'f')
    const diff = diffOf({path: 'f', before, after, ours: await oursIn(FILE, GATEWAY)})
    const entry = after.split('\n').slice(5, 10)
    expect(entry[0]).toBe('    "M": {')
    for (const line of entry) expect(diff).toContain(`\n+${line}\n`)
  })

  test.each([
    '  sk-HIDDEN==',
    'a: HIDDEN b',
    '- HIDDEN',
    '  - ["HIDDEN"]',
    '  [HIDDEN]',
    'k = "HIDDEN" # HIDDEN',
    'k: "HIDDEN: x, HIDDEN',
    '// HIDDEN',
    'export K=HIDDEN',
  ])('hides %j', line => {
    expect(diffOf({path: 'f', before: `${line}\n`, after: 'x\n'})).not.toContain('HIDDEN')
  })

  test('is nothing for what is the same', () => {
    expect(diffOf({path: 'f', before: 'a', after: 'a'})).toBe('')
  })
})
