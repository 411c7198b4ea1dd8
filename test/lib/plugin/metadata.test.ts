import {describe, expect, test} from 'vitest'
import {pluginMetadata} from '../../../src/lib/plugin/metadata.ts'

describe('pluginMetadata', () => {
  test('says what docker requires of a plugin, on one line', () => {
    const text = pluginMetadata('1.2.3')
    expect(text).not.toContain('\n')
    expect(JSON.parse(text)).toEqual({
      SchemaVersion: '0.1.0',
      Vendor: 'docker-mcp authors',
      Version: '1.2.3',
      ShortDescription: 'Docker MCP Plugin',
    })
  })
})
