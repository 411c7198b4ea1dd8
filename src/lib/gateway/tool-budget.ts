import {toolCosts, totalCost, type ListedTools, type ToolCost} from '../model/tool-cost.ts'

/** How much clients may be shown before a person is told. */
export interface ToolLimits {
  /** Undefined for no limit. */
  readonly tools: number | undefined
  /** An estimate is compared with it; undefined for no limit. */
  readonly tokens: number | undefined
}

/** So many servers are named. */
const MOST_NAMED = 3

/** Tells a person when clients are shown more tools than models cope with: once for each set of lists. */
export class ToolBudget {
  readonly #limits: () => ToolLimits
  readonly #notify: (line: string) => void
  #told = ''

  constructor(limits: () => ToolLimits, notify: (line: string) => void) {
    this.#limits = limits
    this.#notify = notify
  }

  /** A client is shown these tools. */
  shown(listed: readonly ListedTools[]): void {
    const costs = toolCosts(listed)
    const line = overBudget(costs, this.#limits())
    if (line === undefined || line === this.#told) return
    this.#told = line
    this.#notify(line)
  }
}

/** @returns undefined when it is not too much */
function overBudget(costs: readonly ToolCost[], {tools, tokens}: ToolLimits): string | undefined {
  const total = totalCost(costs)
  const passed = [
    ...(tools !== undefined && total.tools > tools ? [`--max-tools ${tools}`] : []),
    ...(tokens !== undefined && total.tokens > tokens ? [`--token-budget ${tokens}`] : []),
  ]
  if (passed.length === 0) return undefined
  const heaviest = costs
    .filter(cost => cost.tools > 0)
    .slice(0, MOST_NAMED)
    .map(each => `${each.server} ${amount(each)}`)
  return [
    `! Clients are shown ${amount(total)}, which is more than ${passed.join(' and ')}. The heaviest: ${heaviest.join(', ')}.`,
    '  Offer fewer: docker mcp tools disable <tool>, or --tools; see all: docker mcp tools ls --cost',
  ].join('\n')
}

function amount({tools, tokens}: Pick<ToolCost, 'tools' | 'tokens'>): string {
  return `${tools} tools (about ${tokens} tokens)`
}
