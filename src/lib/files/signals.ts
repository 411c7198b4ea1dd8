/** What the libraries below listen to. */
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/**
 * Loads a library that wants to be told when the process ends. `atomically` (and `conf`, which is made with it)
 * listens to signals for that and then sends the process the same signal once more. To a program that stops in its own
 * time this is the user's second wish, which means "now": containers would be left behind. Their listeners are taken
 * off; what they clean up is cleaned up when the process exits, too.
 * @param load imports the library
 * @returns what `load` gives
 */
export async function loadDeafToSignals<T>(load: () => Promise<T>): Promise<T> {
  const before = new Map(SIGNALS.map(name => [name, new Set(process.rawListeners(name))]))
  const library = await load()
  for (const [name, known] of before) {
    for (const listener of process.rawListeners(name)) {
      // Theirs listen once. What somebody else began to listen to meanwhile is none of this function's business.
      if (!known.has(listener) && isOnce(listener)) process.off(name, listener)
    }
  }
  return library
}

/** Node wraps what listens once, and keeps the listener on the wrapper. */
function isOnce(listener: object): listener is () => void {
  return typeof listener === 'function' && 'listener' in listener
}
