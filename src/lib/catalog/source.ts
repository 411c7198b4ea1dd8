import {isAbsolute, resolve} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import type {SavedCatalog} from './saved.ts'

/** Where a catalog is got from. */
export type CatalogSource =
  | {readonly from: 'https'; readonly url: string}
  | {readonly from: 'oci'; readonly ref: string}
  | {readonly from: 'file'; readonly path: string}

/** Docker publishes its own catalog here. */
const KNOWN: Readonly<Record<string, string>> = {
  'docker-mcp': 'https://desktop.docker.com/mcp/catalog/v3/catalog.yaml',
}

/** Whether a text is an address of the web, safe or not. */
export function isAddress(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

/** Whether a text says itself that it is a path. */
export function isPath(text: string): boolean {
  return isAbsolute(text) || /^\.{1,2}(?:[\\/]|$)/.test(text)
}

/**
 * Reads what a person names as a source: a known name, an address, `oci:<reference>`, or a file or folder, as a path or
 * with `file://`.
 * @throws PluginError USAGE for `file://` with what is no path of this machine
 */
export function sourceOf(text: string, cwd: string): CatalogSource {
  const url = Object.hasOwn(KNOWN, text) ? KNOWN[text] : text
  if (url !== undefined && isAddress(url)) return {from: 'https', url}
  if (text.startsWith('oci:')) return {from: 'oci', ref: text.slice('oci:'.length)}
  if (/^file:\/\//i.test(text)) return {from: 'file', path: pathOf(text)}
  return {from: 'file', path: resolve(cwd, text)}
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new PluginError('USAGE', `${JSON.stringify(oneLine(url))} is no file of this machine`, {
      hint: 'write file:///folder/file.yaml, or the path alone',
      cause,
    })
  }
}

/** A source as `catalog.json` keeps it. */
export function savedUrl(source: CatalogSource): string {
  switch (source.from) {
    case 'https':
      return source.url
    case 'oci':
      return `oci:${source.ref}`
    case 'file':
      return pathToFileURL(source.path).href
  }
}

/**
 * Where a catalog can be got again.
 * @param saved `digest`, `fetched`: without both, what has a reference as its source is a copy that was made here
 * @returns undefined for what cannot be got again, such as what a person wrote
 */
export function savedSource({
  url = '',
  digest,
  fetched,
}: Pick<SavedCatalog, 'url' | 'digest' | 'fetched'>): CatalogSource | undefined {
  if (isAddress(url)) return {from: 'https', url}
  if (/^file:\/\/\//i.test(url) && URL.canParse(url))
    return {from: 'file', path: fileURLToPath(url)}
  return url.startsWith('oci:') && (digest ?? fetched) !== undefined
    ? {from: 'oci', ref: url.slice('oci:'.length)}
    : undefined
}
