/** Whoever reads a log need not be told more, and it is not to be filled with what servers make up. */
const MOST_WARNINGS = 100

/** Passes each text on once: whoever reads the log need not hear of each time. */
export function onceEach(warn: (text: string) => void): (text: string) => void {
  const warned = new Set<string>()
  return text => {
    if (warned.has(text) || warned.size >= MOST_WARNINGS) return
    warned.add(text)
    warn(text)
  }
}
