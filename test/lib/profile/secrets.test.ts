import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'
import {documentObject, showProfile} from '../../../src/lib/profile/documents.ts'
import {listServers, type ServersInput} from '../../../src/lib/profile/servers.ts'
import {noteSecret} from '../../../src/lib/secrets/index-file.ts'
import {profilePath} from '../../../src/lib/profile/store.ts'

const SERVERS =
  'servers: [{type: image, image: x/y, snapshot: {server: {name: y, image: x/y, secrets: [{name: y.key, env: KEY}]}}}]\n'

interface Lab {
  readonly dir: string
  readonly input: ServersInput
}

/** A folder with a project's profile that says where its secrets are. */
async function lab(provider: string, files: Readonly<Record<string, string>>): Promise<Lab> {
  const dir = await mkdtemp(join(tmpdir(), 'profile-secrets-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  await mkdir(join(dir, 'project'))
  const secrets = `secrets: ${JSON.stringify({default: {provider}})}\n`
  const all = {'project/team.yaml': `id: team\n${SERVERS}${secrets}`, ...files}
  for (const [name, text] of Object.entries(all)) await writeFile(join(dir, name), text)
  const env = {DOCKER_CONFIG: join(dir, 'docker')}
  const paths = statePaths({env})
  const {catalog: embedded} = parseCatalog({name: 'docker-mcp', registry: {}}, 'embedded')
  const choice = {profileFile: 'project/team.yaml'}
  const given = {embedded: async () => embedded, settings: async () => ({})}
  return {dir, input: {paths, env, cwd: dir, choice, ...given}}
}

async function needOf({input}: Lab, spec?: string): Promise<string | undefined> {
  return (await listServers(input, spec)).rows[0]?.secrets
}

describe('the secrets of a profile', () => {
  test('are where it says, counted from its own file', async () => {
    const at = await lab('.mcp.env', {'project/.mcp.env': 'y.key=1\n'})
    expect(await needOf(at)).toBe('done')
  })

  test('are where --secrets says, when that is given', async () => {
    const at = await lab('.mcp.env', {'project/.mcp.env': 'y.key=1\n', 'none.env': 'x=1\n'})
    expect(await needOf(at, 'none.env')).toBe('required')
    expect(await needOf(at, 'docker-desktop')).toBe('required')
    expect(await needOf(at, 'project/.mcp.env')).toBe('done')
  })

  test('are in the default order with what docker writes there', async () => {
    const at = await lab('docker-desktop-store', {})
    expect(await needOf(at)).toBe('required')
    const env = {...at.input.env, DOCKER_MCP_SECRET_Y_KEY: '1'}
    expect(await needOf({...at, input: {...at.input, env}})).toBe('done')
  })

  test('are never outside of its folder', async () => {
    const at = await lab('../other.env', {'other.env': 'y.key=1\n'})
    await expect(needOf(at)).rejects.toMatchObject({
      code: 'FILE_DENIED',
      message: expect.stringContaining('"../other.env"'),
    })
    expect(await needOf(at, 'other.env')).toBe('done')
  })

  test('are not set when no server would be started with them', async () => {
    const at = await lab('bad.env:b.env', {
      'project/bad.env': 'hunter2\n',
      'project/b.env': 'y.key=1\n',
    })
    const {rows, unread} = await listServers(at.input, undefined)
    expect(rows).toMatchObject([{name: 'y', secrets: 'required'}])
    expect(unread.get('y.key')).toMatchObject({code: 'FILE_INVALID'})
    await noteSecret(at.input.paths, {name: 'y.key', store: 'credentials'})
    const lost = await listServers(at.input, 'credentials')
    expect(lost.rows).toMatchObject([{name: 'y', secrets: 'required'}])
    expect(lost.unread.get('y.key')).toMatchObject({
      message: expect.stringContaining('credentials has it and cannot be used here'),
    })
  })

  test('stay where they are when it is shown', async () => {
    const {input} = await lab('docker-desktop', {})
    const file = profilePath(input.paths, 'mine')
    await mkdir(dirname(file), {recursive: true})
    await writeFile(file, `${SERVERS}secrets: {default: {provider: 'keyring:file'}}\n`)
    expect(documentObject(await showProfile(input, 'mine'))).toMatchObject({
      secrets: {default: {provider: 'keyring:file'}},
    })
  })
})
