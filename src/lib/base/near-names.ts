import {distance} from 'fastest-levenshtein'

/** Comparing costs the product of two lengths, and both may come from somebody who means harm. */
const LONGEST_NAME = 200

/**
 * The names that somebody may have meant by one that does not exist: those that differ in about a
 * third of the letters at most, and those that it is the beginning of.
 * @param most how many to give at most
 * @returns nearest first; empty when nothing is near
 */
export function nearestNames(name: string, names: readonly string[], most = 3): readonly string[] {
  if (name.length > LONGEST_NAME) return []
  const wanted = name.toLowerCase()
  // Two letters that changed places are two steps.
  const allowed = wanted.length < 4 ? 1 : Math.max(2, Math.round(wanted.length / 3))
  return names
    .filter(candidate => candidate.length <= LONGEST_NAME)
    .map(candidate => ({candidate, steps: stepsTo(wanted, candidate.toLowerCase())}))
    .filter(({steps}) => steps <= allowed)
    .toSorted((a, b) => a.steps - b.steps || a.candidate.localeCompare(b.candidate, 'en'))
    .slice(0, most)
    .map(({candidate}) => candidate)
}

/** Whether two words differ by one letter at most, or by two that changed places. */
export function isSlipOf(written: string, word: string): boolean {
  if (Math.abs(written.length - word.length) > 1 || word.length > LONGEST_NAME) return false
  const steps = distance(written, word)
  return steps < 2 || (steps === 2 && lettersOf(written) === lettersOf(word))
}

function lettersOf(word: string): string {
  return Array.from(word).toSorted().join('')
}

function stepsTo(wanted: string, candidate: string): number {
  const isBeginning = wanted.length >= 3 && candidate.startsWith(wanted)
  return isBeginning ? Math.min(1, candidate.length - wanted.length) : distance(wanted, candidate)
}
