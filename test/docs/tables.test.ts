import {describe, expect, test} from 'vitest'

import {ERROR_CODES} from '../../src/lib/base/errors.ts'
import {gatewayFlags} from '../../src/lib/gateway-flags.ts'
import {unbuiltFlags} from '../../src/lib/unbuilt-flags.ts'
import {readPage} from './page.ts'

describe('docs/errors.md', () => {
  test('has one heading for each error code, with its sentence below, in the order of the table', async () => {
    const page = await readPage('docs/errors.md')
    const found = [...page.matchAll(/^## ([A-Z_]+)\n\n(.+)$/gm)].map(([, code, text]) => [
      code,
      text,
    ])
    const wanted = Object.entries(ERROR_CODES).map(([code, text]) => [code, sentence(text)])
    expect(found).toEqual(wanted)
  })
})

describe('docs/troubleshooting.md', () => {
  test.for(Object.keys(ERROR_CODES))('says what to do about %s', async code => {
    expect(await readPage('docs/troubleshooting.md')).toContain(`\`${code}\``)
  })
})

describe('docs/gateway.md', () => {
  test.for(Object.keys(gatewayFlags))('names the flag --%s', async flag => {
    expect(await readPage('docs/gateway.md')).toContain(`--${flag}`)
  })

  test.for(Object.keys(unbuiltFlags))('says that --%s does nothing yet', async flag => {
    const [, rest = ''] = (await readPage('docs/gateway.md')).split(
      '## Know what does nothing yet\n',
    )
    expect(rest.split('\n## ')[0]).toContain(`--${flag}`)
  })
})

function sentence(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`
}
