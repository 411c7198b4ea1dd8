/** So much text counts as one more value. */
const TEXT = 64

/**
 * How much work a JSON value is: each value in it counts one, long texts and names more. The counting ends soon after
 * `most`, so that it is not much work itself.
 */
export function weightOf(value: unknown, most: number): number {
  let weight = 0
  const rest: unknown[] = [value]
  while (rest.length > 0 && weight <= most) {
    const one = rest.pop()
    weight += 1
    if (typeof one === 'string') weight += one.length / TEXT
    if (typeof one !== 'object' || one === null) continue
    // What waits is counted as well: a long list is not even walked.
    if (Array.isArray(one)) {
      if (one.length > most) return one.length
      for (const member of one) rest.push(member)
    } else {
      for (const [name, member] of Object.entries(one)) {
        weight += name.length / TEXT
        rest.push(member)
      }
    }
  }
  return weight
}
