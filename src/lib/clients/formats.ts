import type {FileFormat} from './change.ts'
import type {ClientFile} from './client.ts'

/** How a client's file is read and edited; loaded when it is needed. */
export async function fileFormat(format: ClientFile['format']): Promise<FileFormat> {
  switch (format) {
    case 'json':
      return (await import('./json-file.ts')).jsonFile
    case 'yaml':
      return (await import('./yaml-file.ts')).yamlFile
    case 'toml':
      return (await import('./toml-file.ts')).tomlFile
  }
}
