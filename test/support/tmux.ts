import {execFile} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {promisify} from 'node:util'
import {expect} from 'vitest'

const run = promisify(execFile)

/** A terminal of its own with one program in it, which is looked at as a person would. */
export interface Terminal extends AsyncDisposable {
  /** The lines of the screen, without blanks at their ends. */
  screen(): Promise<readonly string[]>
  /** The same with the sequences that colour it. */
  coloured(): Promise<string>
  /** Presses keys by tmux's names: `j`, `Down`, `Enter`, `C-c`. */
  press(...keys: readonly string[]): Promise<void>
  resize(columns: number, rows: number): Promise<void>
  /** Waits until a line is like this, and gives the screen. */
  shows(line: RegExp): Promise<readonly string[]>
  /** Whether the program has the whole screen for itself, beside what was there before. */
  isAlternate(): Promise<boolean>
}

/** Starts a shell line in a terminal; what it prints last can be looked at after its end. */
export async function openTerminal(input: {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  readonly columns?: number
  readonly rows?: number
}): Promise<Terminal> {
  const {command, env, columns = 80, rows = 24} = input
  // A server of its own, which reads nobody's configuration and ends with its session.
  const name = `test-${randomUUID()}`
  const tmux = (...args: readonly string[]) =>
    run('tmux', ['-L', name, '-f', '/dev/null', '-u', ...args], {env: {...env, LANG: 'C.UTF-8'}})
  const size = ['-x', String(columns), '-y', String(rows)]
  await tmux('new-session', '-d', '-s', 'main', ...size, `${command}; exec sleep 600`)
  const capture = async (...how: readonly string[]) =>
    (await tmux('capture-pane', '-p', ...how, '-t', 'main')).stdout
  const screen = async () => (await capture()).split('\n').map(line => line.trimEnd())
  return {
    screen,
    coloured: () => capture('-e'),
    async press(...keys) {
      await tmux('send-keys', '-t', 'main', ...keys)
    },
    async resize(toColumns, toRows) {
      await tmux('resize-window', '-t', 'main', '-x', String(toColumns), '-y', String(toRows))
    },
    async shows(line) {
      let seen: readonly string[] = []
      await expect
        .poll(async () => (seen = await screen()))
        .toContainEqual(expect.stringMatching(line))
      return seen
    },
    async isAlternate() {
      const {stdout} = await tmux('display-message', '-p', '-t', 'main', '#{alternate_on}')
      return stdout.trim() === '1'
    },
    async [Symbol.asyncDispose]() {
      await tmux('kill-server').catch(() => undefined)
    },
  }
}
