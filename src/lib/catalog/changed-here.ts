import {PluginError} from '../base/errors.ts'
import type {SavedCatalog} from './saved.ts'

/** The error for a catalog that somebody changed here: what comes from elsewhere would undo that without a word. */
export function changedHere({name}: SavedCatalog): PluginError {
  return new PluginError('CATALOG_EXISTS', `${name} was changed here since it came`, {
    hint: `keep your changes under another name: docker mcp catalog fork ${name} …; or take what is there with --force`,
  })
}
