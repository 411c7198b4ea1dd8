import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {namesIn, openDockerPass} from '../../../src/lib/secrets/docker-pass.ts'
import {noteSecret} from '../../../src/lib/secrets/index-file.ts'
import {engineSockets} from '../../../src/lib/secrets/secrets-engine.ts'
import type {SecretStore, StoreInput} from '../../../src/lib/secrets/store.ts'

const FIXTURE = join(import.meta.dirname, '..', '..', 'fixtures', 'docker-pass.mjs')

interface Pass {
  readonly input: StoreInput
  /** What both programs keep. */
  readonly kept: string
  readonly engineSocket: string
}

/** A home without docker pass. */
async function home(): Promise<Pass> {
  const dir = await mkdtemp(join(tmpdir(), 'pass-'))
  onTestFinished(() => rm(dir, {recursive: true}))
  const kept = join(dir, 'kept')
  await mkdir(kept)
  await mkdir(join(dir, '.cache', 'docker-secrets-engine'), {recursive: true})
  const env = {PATH: process.env['PATH'], HOME: dir}
  return {
    input: {env, cwd: dir, paths: statePaths({env})},
    kept,
    engineSocket: join(dir, '.cache', 'docker-secrets-engine', 'engine.sock'),
  }
}

async function installPlugin({input, kept}: Pass, folder?: string): Promise<void> {
  const plugins = folder ?? join(input.paths.dockerConfigDir, 'cli-plugins')
  await mkdir(plugins, {recursive: true})
  const file = join(plugins, 'docker-pass')
  await writeFile(file, `#!/bin/sh\nexec '${process.execPath}' '${FIXTURE}' '${kept}' "$@"\n`)
  await chmod(file, 0o755)
}

async function startEngine({kept, engineSocket}: Pass, mood = '', at = engineSocket) {
  const child = spawn(process.execPath, [FIXTURE, kept, 'engine', at, mood], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
}

async function running(mood?: string): Promise<Pass> {
  const pass = await home()
  await installPlugin(pass)
  await startEngine(pass, mood)
  return pass
}

type Changeable = SecretStore & Required<Pick<SecretStore, 'set' | 'remove'>>

function changeable(input: StoreInput, options?: {withinMs: number}): Changeable {
  const store = openDockerPass(input, {...options, probeMs: 60_000})
  if (!store.set || !store.remove) throw new Error('docker pass can be changed')
  return store as Changeable
}

const calls = async (kept: string) =>
  (await readFile(join(kept, 'calls'), 'utf8')).trim().split('\n')

describe('docker pass', () => {
  test('gives back the bytes that were set, which are in no argument', async () => {
    const {input, kept} = await running()
    const store = changeable(input)
    expect(await store.unavailable()).toBeUndefined()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({minLength: 1, maxLength: 3000}), async bytes => {
        await store.set('any', Buffer.from(bytes))
        expect(await store.get('any')).toEqual(Buffer.from(bytes))
      }),
      {numRuns: 4, examples: [[Buffer.from('two\nlines\r\n\0')]]},
    )
    expect(new Set(await calls(kept))).toEqual(new Set(['set docker/mcp/any']))
    expect(await store.get('other')).toBeUndefined()
  })

  test('has the secrets that docker mcp itself has set there', async () => {
    const {input, kept} = await running()
    const put = (id: string, value: string) =>
      writeFile(join(kept, `${Buffer.from(id).toString('base64url')}.secret`), value)
    await put('docker/mcp/brave.api_key', 'from docker')
    await put('docker/mcp/oauth/github', 'a token')
    await put('docker/mcp/oauth-dcr/github', 'a client')
    await put('docker/other', 'nothing of MCP')
    const store = changeable(input)
    expect(await store.names()).toEqual(['brave.api_key'])
    expect(await store.get('brave.api_key')).toEqual(Buffer.from('from docker'))
    expect(await store.remove('brave.api_key')).toBe(true)
    expect(await store.names()).toEqual([])
    expect(await store.remove('brave.api_key')).toBe(false)
  })

  test('falls back on the index when it cannot be asked for its names', async () => {
    const {input, kept} = await running()
    const store = changeable(input)
    await store.set('one', Buffer.from('1'))
    await writeFile(join(kept, 'fails'), '')
    expect(await store.names()).toEqual(['one'])
    await expect(store.remove('one')).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      message: 'docker pass still has the secret one: it ended with code 1',
    })
    const failure = await store.set('two', Buffer.from('s3cret')).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      message: 'docker pass does not keep the secret two: it ended with code 1',
    })
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('s3cret')
  })

  test('forgets a name whose value was never written', async () => {
    const {input} = await running()
    await noteSecret(input.paths, {name: 'torn', store: 'pass'})
    const store = changeable(input)
    expect(await store.get('torn')).toBeUndefined()
    expect(await store.remove('torn')).toBe(true)
    expect(await store.remove('torn')).toBe(false)
  })

  test('is not there when it is not installed, and starts nothing then', async () => {
    const {input, kept} = await home()
    const store = changeable(input)
    expect(await store.unavailable()).toBe('docker pass is not installed')
    expect(await store.names()).toEqual([])
    expect(await store.get('one')).toBeUndefined()
    expect(await store.remove('one')).toBe(false)
    await expect(store.set('one', Buffer.from('s3cret'))).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      message: 'docker pass does not keep the secret one: docker pass is not installed',
    })
    expect(await readdir(kept)).toEqual([])
    expect(await store.names()).toEqual([])
  })

  test('says that the engine does not run, and which of its secrets it cannot give', async () => {
    const pass = await home()
    await installPlugin(pass)
    const store = changeable(pass.input)
    expect(await store.unavailable()).toContain("docker's secrets engine does not run")
    await store.set('one', Buffer.from('1'))
    await expect(store.get('one')).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      message: "docker's secrets engine does not give the secret one: it does not run",
    })
    expect(await store.get('another')).toBeUndefined()
  })

  test('is found in a folder that config.json of docker adds', async () => {
    const pass = await home()
    const folder = join(pass.input.cwd, 'more')
    await installPlugin(pass, folder)
    await mkdir(pass.input.paths.dockerConfigDir, {recursive: true})
    const config = join(pass.input.paths.dockerConfigDir, 'config.json')
    await writeFile(config, JSON.stringify({cliPluginsExtraDirs: [folder]}))
    await changeable(pass.input).set('one', Buffer.from('1'))
    expect(await calls(pass.kept)).toEqual(['set docker/mcp/one'])
  })

  test.each([
    ['denied', 'it answers permission_denied'],
    ['silent', 'it did not answer within 1 s'],
    ['broken', 'it broke the connection off'],
    ['endless', 'it broke the connection off'],
  ])('says what an engine that is %s does, and nothing that it said', async (mood, why) => {
    const {input} = await running(mood)
    const store = changeable(input, {withinMs: mood === 'silent' ? 1000 : 20_000})
    const failure = await store.get('one').catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'STORE_UNUSABLE',
      message: `docker's secrets engine does not give the secret one: ${why}`,
    })
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('s3cret')
  })

  test('takes no value for one of another name', async () => {
    const {input} = await running('lying')
    expect(await openDockerPass(input).get('one')).toBeUndefined()
  })

  test.runIf(process.platform === 'linux')('is not read where anybody may listen', async () => {
    const pass = await home()
    await installPlugin(pass)
    const abstract = `@docker-secrets-engine/${process.getuid?.()}/daemon.sock`
    await startEngine(pass, '', abstract)
    expect(await openDockerPass(pass.input).unavailable()).toContain('does not run')
    expect(await openDockerPass(pass.input).get('one')).toBeUndefined()
  })
})

describe('engineSockets', () => {
  test.each([
    ['linux', {HOME: '/home/me'}, '/home/me/.cache/docker-secrets-engine/engine.sock'],
    ['linux', {HOME: '/home/me', XDG_CACHE_HOME: '/c'}, '/c/docker-secrets-engine/engine.sock'],
    [
      'linux',
      {HOME: '/home/me', XDG_CACHE_HOME: 'c'},
      '/home/me/.cache/docker-secrets-engine/engine.sock',
    ],
    ['darwin', {HOME: '/Users/me'}, '/Users/me/Library/Caches/docker-secrets-engine/engine.sock'],
    ['win32', {USERPROFILE: 'C:\\Users\\me'}, undefined],
  ] as const)('on %s with %j begin with %s', (platform, env, first) => {
    expect(engineSockets(env, platform)[0]).toBe(first)
  })
})

describe('namesIn', () => {
  test('takes nothing that is no name of ours from a list', () => {
    const name = fc.stringMatching(/^[\w.:-]{1,20}$/).filter(text => !/^\.\.?$/.test(text))
    const noise = fc.constantFrom('', 'docker/mcp', 'docker/mcp/', 'other/x', 'docker/mcp/a b')
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            name.map(text => `docker/mcp/${text}`),
            noise,
          ),
        ),
        lines => {
          expect(namesIn(lines.join('\r\n'))).toEqual(
            lines.filter(line => /^docker\/mcp\/\S+$/.test(line)).map(line => line.slice(11)),
          )
        },
      ),
    )
  })
})
