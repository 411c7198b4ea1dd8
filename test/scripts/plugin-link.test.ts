import {mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {linkPlugin} from '../../scripts/plugin-link.ts'

async function makePlace() {
  const folder = await mkdtemp(join(tmpdir(), 'plugin-link-'))
  return {
    dockerConfigDir: join(folder, 'docker'),
    program: join(folder, 'new', 'bin', 'docker-mcp'),
    link: join(folder, 'docker', 'cli-plugins', 'docker-mcp'),
    older: join(folder, 'old', 'bin', 'docker-mcp'),
    [Symbol.asyncDispose]: async () => rm(folder, {recursive: true}),
  }
}

async function linkTo(link: string, target: string): Promise<void> {
  await mkdir(dirname(link), {recursive: true})
  await symlink(target, link)
}

async function makeCheckout(program: string, name: string): Promise<void> {
  await mkdir(dirname(program), {recursive: true})
  await writeFile(program, '')
  await writeFile(join(dirname(dirname(program)), 'package.json'), JSON.stringify({name}))
}

describe('linkPlugin', () => {
  test('makes the folder and the link, once', async () => {
    await using place = await makePlace()
    expect(await linkPlugin(place)).toBe('linked')
    expect(await readlink(place.link)).toBe(place.program)
    expect(await linkPlugin(place)).toBe('already linked')
    expect(await readdir(dirname(place.link))).toEqual(['docker-mcp'])
  })

  test('replaces the link of another checkout and of one that is gone', async () => {
    await using place = await makePlace()
    await linkTo(place.link, place.older)
    expect(await linkPlugin(place)).toBe('linked')
    await rm(place.link)
    await makeCheckout(place.older, 'docker-mcp')
    await linkTo(place.link, place.older)
    expect(await linkPlugin(place)).toBe('linked')
    expect(await readlink(place.link)).toBe(place.program)
  })

  test('refuses to replace a link to another program', async () => {
    await using place = await makePlace()
    await makeCheckout(place.older, 'something-else')
    await linkTo(place.link, place.older)
    await expect(linkPlugin(place)).rejects.toMatchObject({
      code: 'FILE_DENIED',
      message: `${place.link} is a link to ${place.older}; it is not ours to replace`,
    })
    expect(await readlink(place.link)).toBe(place.older)
  })

  test('refuses to replace a file', async () => {
    await using place = await makePlace()
    await mkdir(dirname(place.link), {recursive: true})
    await writeFile(place.link, 'theirs')
    await expect(linkPlugin(place)).rejects.toMatchObject({
      code: 'FILE_DENIED',
      hint: expect.stringContaining(`mv ${place.link}`),
    })
    expect(await readFile(place.link, 'utf8')).toBe('theirs')
  })
})
