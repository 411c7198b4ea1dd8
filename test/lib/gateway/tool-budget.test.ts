import {expect, test} from 'vitest'
import {ToolBudget} from '../../../src/lib/gateway/tool-budget.ts'
import {toolCosts, totalCost} from '../../../src/lib/model/tool-cost.ts'

const tools = (count: number, description = 'ä') =>
  Array.from({length: count}, (_, index) => ({name: `t${index}`, description}))
const listed = (...counts: readonly number[]) =>
  counts.map((count, index) => ({server: `s${index}`, items: tools(count)}))

function linesOf(limits: {tools?: number; tokens?: number}, ...sets: readonly number[][]) {
  const lines: string[] = []
  const all = {tools: undefined, tokens: undefined, ...limits}
  const budget = new ToolBudget(
    () => all,
    line => void lines.push(line),
  )
  for (const counts of sets) budget.shown(listed(...counts))
  return lines
}

test('costs are those of the JSON in bytes, the heaviest first', () => {
  const costs = toolCosts(listed(1, 3))
  const bytes = Buffer.byteLength(JSON.stringify(tools(3)))
  expect(costs[0]).toEqual({server: 's1', tools: 3, bytes, tokens: Math.ceil(bytes / 4)})
  expect(totalCost(costs)).toMatchObject({tools: 4, bytes: (costs[1]?.bytes ?? 0) + bytes})
})

test('a budget that is kept says nothing', () => {
  expect(linesOf({tools: 4, tokens: 1000}, [1, 3])).toEqual([])
  expect(linesOf({}, [500])).toEqual([])
})

test('a budget that is passed names the heaviest servers, once for each set', () => {
  const lines = linesOf({tools: 128}, [1, 94, 55, 2, 0], [1, 94, 55, 2, 0], [200])
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatch(
    /^! Clients are shown 152 tools \(about \d+ tokens\), which is more than --max-tools 128\. The heaviest: s1 94 tools .*, s2 55 tools .*, s3 2 tools /,
  )
  expect(linesOf({tokens: 5}, [1, 0])[0]).toMatch(
    /more than --token-budget 5\. The heaviest: s0 1 tools \(about \d+ tokens\)\.\n/,
  )
})
