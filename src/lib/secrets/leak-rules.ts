import {WordAutomaton} from '../base/word-automaton.ts'
import type {LeakRule} from './leak-shapes.ts'
import {CONTEXTUAL_LEAKS} from './leak-table-contextual.ts'
import {PREFIXED_LEAKS} from './leak-table-prefixed.ts'

/** What was found, without the value: that must not reach a message or a log. */
export interface Leak {
  /** The id of the rule. */
  readonly rule: string
  readonly title: string
}

/** All rules: first those that a prefix gives away, then those that need the name of a service nearby. */
export const LEAK_RULES: readonly LeakRule[] = [...PREFIXED_LEAKS, ...CONTEXTUAL_LEAKS]

/**
 * Looks for a credential in a text: prose, source, or JSON whose strings are themselves JSON. One pass finds
 * the keywords of all rules; a pattern is only tried where one of its keywords stands.
 * @param text several texts are best joined by line breaks, so that none continues another
 * @returns the rule whose keyword ends first, or undefined when there is nothing
 */
export function findLeak(text: string): Leak | undefined {
  let leak: Leak | undefined
  KEYWORDS.read({text, from: 0, state: 0}, (longest, end) => {
    for (let found = longest; found !== 0 && !leak; found = KEYWORDS.shorter(found)) {
      const start = end - KEYWORDS.depth(found)
      const probe = PROBES[KEYWORDS.word(found)]?.find(({pattern}) =>
        matchesAt(pattern, text, start),
      )
      if (probe) leak = {rule: probe.rule.id, title: probe.rule.title}
    }
    return leak !== undefined
  })
  return leak
}

/** A rule, and its pattern bound to one place of a text. */
interface Probe {
  readonly rule: LeakRule
  readonly pattern: RegExp
}

const PROBES_OF_KEYWORD = probesOfKeyword(LEAK_RULES)
const KEYWORDS = new WordAutomaton([...PROBES_OF_KEYWORD.keys()], {ignoreCase: true})
const PROBES = [...PROBES_OF_KEYWORD.values()]

function probesOfKeyword(rules: readonly LeakRule[]): ReadonlyMap<string, readonly Probe[]> {
  const probes = new Map<string, Probe[]>()
  for (const rule of rules) {
    const probe = {rule, pattern: new RegExp(rule.pattern, `${rule.pattern.flags}y`)}
    for (const keyword of rule.keywords) {
      const known = probes.get(keyword)
      if (known) known.push(probe)
      else probes.set(keyword, [probe])
    }
  }
  return probes
}

function matchesAt(pattern: RegExp, text: string, start: number): boolean {
  pattern.lastIndex = start
  return pattern.test(text)
}
