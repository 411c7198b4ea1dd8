import {engineFailed} from './connection.ts'

/**
 * A name as part of a path. An image's name has slashes; one with dots or gaps would ask for something else.
 * @throws PluginError ENGINE_FAILED when the name is not one of an image, container, network or volume
 */
export function pathOf(name: string): string {
  const parts = name.split('/')
  if (parts.every(part => part !== '' && part !== '.' && part !== '..')) {
    return parts.map(encodeURIComponent).join('/')
  }
  throw engineFailed(
    `look up ${JSON.stringify(name)}`,
    'this is not a name of anything on an engine',
  )
}

/** What asks a list for the things that carry every one of these labels. */
export function labelFilter(labels: Readonly<Record<string, string>>): {readonly filters: string} {
  const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  return {filters: JSON.stringify({label})}
}
