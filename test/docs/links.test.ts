import {access} from 'node:fs/promises'
import {dirname, join, relative} from 'node:path'

import {describe, expect, test} from 'vitest'

import {pageNames, readPage, ROOT} from './page.ts'

const names = await pageNames()
const pages = new Map(
  await Promise.all(names.map(async name => [name, await readPage(name)] as const)),
)

describe('the links of', () => {
  test.for([...names])('%s lead somewhere', async name => {
    const links = [...withoutCode(pages.get(name) ?? '').matchAll(/\]\(([^)\s]+)\)/g)]
    const targets = links.map(match => match[1] ?? '').filter(link => !/^https?:/.test(link))
    const broken: string[] = []
    for (const target of targets) if (!(await leadsSomewhere(name, target))) broken.push(target)
    expect(broken).toEqual([])
  })

  test.for(names.filter(name => name.startsWith('docs/')))('other pages lead to %s', name => {
    const linking = names.filter(
      other => other !== name && (pages.get(other) ?? '').includes(name.replace('docs/', '')),
    )
    expect(linking).not.toEqual([])
  })
})

describe('the words of', () => {
  test.for([...names])('%s name no folder of a machine of ours', name => {
    expect(pages.get(name)).not.toMatch(/\/(?:root\b|work\b|tmp\/\w)/)
  })
})

async function leadsSomewhere(from: string, target: string): Promise<boolean> {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? from : relative(ROOT, join(ROOT, dirname(from), path))
  const page = pages.get(file)
  if (page === undefined) return exists(join(ROOT, file))
  return anchor === undefined || anchorsOf(page).includes(anchor)
}

/** As GitHub makes them: lower case, without punctuation, dashes for spaces. */
function anchorsOf(page: string): readonly string[] {
  return [...withoutCode(page).matchAll(/^#+ (.+)$/gm)].map(match =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function withoutCode(page: string): string {
  return page.replaceAll(/^```[^]*?^```$/gm, '')
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
