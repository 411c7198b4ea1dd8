import {expect, test} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {declaring} from '../../../../src/lib/gateway/relay/vendor.ts'

const skills = 'io.modelcontextprotocol/skills'

test.each<[string, JsonObject, boolean]>([
  ['skills/list', {extensions: {[skills]: {}}}, true],
  ['skills/list', {experimental: {[skills]: {}}}, true],
  [`${skills}/list`, {extensions: {[skills]: {}}}, true],
  [skills, {extensions: {[skills]: {}}}, true],
  ['skills', {extensions: {[skills]: {}}}, false],
  ['skillset/list', {extensions: {[skills]: {}}}, false],
  ['io.modelcontextprotocol/other', {extensions: {[skills]: {}}}, false],
  ['vendor/do', {vendor: {}}, true],
  ['vendor', {vendor: true}, true],
  ['tools/fancy', {tools: {}}, false],
  ['tasks/fancy', {tasks: {}}, false],
  ['experimental/x', {experimental: {}}, false],
  ['/x', {experimental: {'vendor/': {}}}, false],
  ['vendor//x', {experimental: {'vendor/': {}}}, true],
  ['/x', {'': {}}, false],
  ['constructor', {experimental: {}}, false],
  ['x', {experimental: ['x'], extensions: null}, false],
])('%s belongs to a server with %j: %s', (method, capabilities, expected) => {
  const servers = [{name: 'a', hello: {capabilities}}]
  expect(declaring(method, servers)).toEqual(expected ? ['a'] : [])
})

test('all servers that declare it are given, in configured order, without those of which nothing is known', () => {
  const hello = {capabilities: {vendor: {}}}
  const servers = [
    {name: 'c', hello},
    {name: 'unknown', hello: undefined},
    {name: 'odd', hello: {capabilities: 5}},
    {name: 'a', hello},
  ]
  expect(declaring('vendor/x', servers)).toEqual(['c', 'a'])
})
