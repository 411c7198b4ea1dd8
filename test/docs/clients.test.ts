import {describe, expect, test} from 'vitest'

import {clientsNotes, clientsTable, clientsVariables} from './clients-table.ts'
import {readPage} from './page.ts'

describe('docs/clients.md', () => {
  test('has the table of the data', async () => {
    expect(await readPage('docs/clients.md')).toContain(`\n${clientsTable()}\n`)
  })

  test('has what the data says besides', async () => {
    expect(await readPage('docs/clients.md')).toContain(`\n${clientsNotes()}\n`)
  })

  test.for(clientsVariables())('names the variable %s', async name => {
    expect(await readPage('docs/clients.md')).toContain(`\`${name}\``)
  })
})
