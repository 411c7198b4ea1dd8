import {LineCounter} from 'yaml'
import {offsetOf, readYaml} from './yaml.ts'

/**
 * Finds the lines on which keys of a YAML document stand.
 * @param text must be a document that `parseYaml` takes
 * @param paths the keys that lead to each, in a list the number of the item; one that does not lead all the way ends where
 *   it still leads
 * @returns a line for each path, from 1
 * @throws PluginError FILE_INVALID
 */
export function yamlLines(text: string, paths: readonly (readonly string[])[]): readonly number[] {
  const {document} = readYaml(text, 'the text')
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
    lines.addNewLine(at + 1)
  }
  return paths.map(path => lines.linePos(offsetOf(document.contents, path)).line)
}
