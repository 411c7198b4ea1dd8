import {isMap, isSeq, type CST} from 'yaml'
import {itemEnd, itemStart} from './yaml-text.ts'
import {findPair, readYaml} from './yaml.ts'

/** Where a list stands in a YAML text. */
export interface YamlSequence {
  /** Written between brackets, else with dashes. */
  readonly isFlow: boolean
  /** Where the bracket that opens it is, or the first dash. */
  readonly open: number
  /** Where the bracket that closes it is; means nothing for dashes. */
  readonly close: number
  readonly items: readonly YamlItem[]
}

export interface YamlItem {
  /** Where it starts, with its dash if it has one. */
  readonly start: number
  /** Where its value starts, behind an anchor or a tag; undefined when it is none of its own, such as a pair. */
  readonly value: number | undefined
  readonly end: number
  /** Where the comma behind it is. */
  readonly comma: number | undefined
  /** In double quotes. */
  readonly isQuoted: boolean
}

/**
 * Finds a list of a YAML document.
 * @param keys lead to it
 * @returns undefined when there is no list there, or an alias stands for it
 * @throws PluginError FILE_INVALID
 */
export function yamlSequence(text: string, keys: readonly string[]): YamlSequence | undefined {
  let node: unknown = readYaml(text, 'the text').document.contents
  for (const key of keys) node = isMap(node) ? findPair(node, key)?.value : undefined
  const source = isSeq(node) ? node.srcToken : undefined
  if (source?.type !== 'block-seq' && source?.type !== 'flow-collection') return undefined
  const isFlow = source.type === 'flow-collection'
  const all: readonly CST.CollectionItem[] = source.items
  return {
    isFlow,
    open: isFlow ? source.start.offset : source.offset,
    close: isFlow ? (source.end.find(({type}) => type === 'flow-seq-end')?.offset ?? 0) : 0,
    items: all.flatMap((item, index) => (item.value ? [placeOf(text, item, all[index + 1])] : [])),
  }
}

function placeOf(
  text: string,
  item: CST.CollectionItem,
  next: CST.CollectionItem | undefined,
): YamlItem {
  const {value: token} = item
  // A plain item between brackets has nothing before it.
  const start = itemStart(item) || (token?.offset ?? 0)
  const props = token && 'props' in token ? token.props[0] : undefined
  return {
    start,
    value: item.key ? undefined : (props?.offset ?? token?.offset),
    end: itemEnd(item, text) ?? start,
    comma: next?.start.find(({type}) => type === 'comma')?.offset,
    isQuoted: token?.type === 'double-quoted-scalar',
  }
}
