import type {Format} from './format.ts'

/** A line that a server wrote. */
export interface ShownLine {
  readonly at: string
  readonly container: string
  readonly text: string
}

/**
 * Lines of a server's log as text, with the container's name in front when there are several.
 */
export function logView(lines: readonly ShownLine[]): string {
  const areSeveral = isOfSeveral(lines)
  return lines.map(line => `${areSeveral ? named(line) : line.text}\n`).join('')
}

/** Whether several containers wrote these lines. */
export function isOfSeveral(lines: readonly ShownLine[]): boolean {
  return new Set(lines.map(({container}) => container)).size > 1
}

/**
 * Makes the text of each line that comes, one by one, so that all of them together are text, JSON lines or YAML.
 * @param areKnown whether several containers are known to write; else names come with the second one
 */
export function lineView(format: Format, areKnown: boolean): (line: ShownLine) => string {
  let first: string | undefined
  let areSeveral = areKnown
  return line => {
    // In JSON the value of a line; in YAML, too, a list with one member, of which many make one list.
    if (format === 'json') return `${JSON.stringify(line)}\n`
    if (format === 'yaml') return `- ${JSON.stringify(line)}\n`
    first ??= line.container
    areSeveral ||= line.container !== first
    return `${areSeveral ? named(line) : line.text}\n`
  }
}

function named({container, text}: ShownLine): string {
  return `${container} | ${text}`
}
