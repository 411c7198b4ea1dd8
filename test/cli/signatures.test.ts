import {randomUUID} from 'node:crypto'
import {rm} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import {stringify} from 'yaml'
import {missingTools} from '../../scripts/test-tools.ts'
import {addCatalog} from '../support/cli-catalog.ts'
import {connectStdio} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {registryServer, type TestRegistry} from '../support/registry.ts'
import {pushImage, removeImages} from '../support/registry-image.ts'
import {
  bundleLayer,
  payloadFor,
  putAttached,
  putTagged,
  signed,
  signImage,
  simpleLayer,
  statementBundle,
  statementFor,
  testKey,
  type TestKey,
} from '../support/signing.ts'

const hasRegistry = !(await missingTools()).includes('docker-registry')

/** A registry whose images are to be signed with a key, and a user who has this key. */
async function signedWorld() {
  const registry = await registryServer()
  const cli = await dockerCli()
  onTestFinished(async () => {
    await cli[Symbol.asyncDispose]()
    await removeImages(registry)
    await registry[Symbol.asyncDispose]()
  })
  const key = testKey()
  const folder = `signatures-${randomUUID()}`
  await cli.write('acme.pub', key.pem)
  const keys = [{images: `${registry.host}/${folder}/*`, key: 'acme.pub'}]
  await cli.write('signatures.yaml', stringify({keys}))
  return {
    registry,
    cli,
    key,
    /** Pushes an image. @returns where it is, as what signs it wants it */
    push: async (name: string) => {
      const repository = `${folder}/${name}`
      const {digest} = await pushImage(registry, {repository, tag: '1'})
      return {repository, digest, image: `${registry.host}/${repository}:1`}
    },
  }
}

async function enable(cli: DockerCli, images: Readonly<Record<string, string>>): Promise<void> {
  const entries = Object.entries(images).map(([name, image]) => [name, {image}] as const)
  await addCatalog(cli, Object.fromEntries(entries))
  await cli.mcp('server', 'enable', ...Object.keys(images))
}

/** Five images: two that are signed in the two ways, and three that are not to be had. */
async function pushFive({
  registry,
  key,
  push,
}: {
  registry: TestRegistry
  key: TestKey
  push: (name: string) => Promise<{repository: string; digest: string; image: string}>
}): Promise<Record<string, string>> {
  const good = await push('good')
  await signImage(registry, good, key)
  const bundled = await push('bundled')
  const bundle = statementBundle(statementFor(bundled.digest), key)
  await putAttached(registry, bundled, bundleLayer(bundle))
  const unsigned = await push('unsigned')
  const stranger = await push('stranger')
  await signImage(registry, stranger, testKey())
  const swapped = await push('swapped')
  const payload = payloadFor(good.digest)
  await putTagged(registry, swapped, [simpleLayer(payload, signed(payload, key))])
  const all = {good, bundled, unsigned, stranger, swapped}
  return Object.fromEntries(Object.entries(all).map(([name, {image}]) => [name, image]))
}

const REFUSALS = {
  unsigned: /has no signature in .*and must be signed by key 1 of signatures\.yaml/,
  stranger: /is signed, but not by a key that counts for it \(key 1 of signatures\.yaml\)/,
  swapped: /is for another image: it names sha256:[a-f0-9]{64}/,
}

describe.runIf(hasRegistry)('images that must be signed', () => {
  test('run when they are; others are refused, each for its reason, and disturb nobody', async () => {
    const world = await signedWorld()
    const {cli} = world
    await enable(cli, await pushFive(world))
    {
      await using used = await connectStdio(cli)
      let names: readonly string[] = []
      await expect.poll(async () => (names = await used.toolNames())).toHaveLength(2)
      for (const name of names) expect(await used.text(name, {})).not.toBe('')
      // Of a server that is used, one more may stand by.
      const running = new Set((await cli.containers()).map(({server}) => server))
      expect([...running].toSorted()).toEqual(['bundled', 'good'])
      for (const [server, reason] of Object.entries(REFUSALS)) {
        // Told when the image is fetched ahead, and again, in the same words, when the server is to start.
        const notice = new RegExp(`^! server ${server}: .*\\n +.*$`, 'gm')
        const said = () => [...new Set(used.stderr().match(notice))]
        await expect.poll(said).toEqual([expect.stringMatching(reason)])
        expect(said()[0]).toContain('--no-verify-signatures')
      }
    }
    await cli.gone()
    const rows: unknown = JSON.parse(await cli.mcp('server', 'status', '--format', 'json'))
    for (const [name, reason] of Object.entries(REFUSALS)) {
      const row = expect.objectContaining({name, reason: expect.stringMatching(reason)})
      expect(rows).toContainEqual(row)
    }
  })

  test('run again without the registry, and not once that is forgotten', async () => {
    const {registry, cli, key, push} = await signedWorld()
    const good = await push('good')
    await signImage(registry, good, key)
    await enable(cli, {good: good.image})
    const runs = async () => {
      {
        await using used = await connectStdio(cli)
        await expect.poll(() => used.toolNames()).toEqual(['environment'])
      }
      await cli.gone()
    }
    await runs()
    await registry[Symbol.asyncDispose]()
    // Lists are remembered, too: only a container shows that it runs.
    await rm(join(cli.mcpDir, 'state', 'lists'), {recursive: true, force: true})
    await runs()
    await rm(join(cli.mcpDir, 'state'), {recursive: true, maxRetries: 10})
    await using used = await connectStdio(cli)
    await expect
      .poll(() => used.stderr().replaceAll(/\s+/g, ' '))
      .toMatch(/server good: a signature of the image .* could not be looked for: .*ECONNREFUSED/)
    expect(await used.toolNames()).toEqual([])
  })

  test('run unchecked for whoever wants that', async () => {
    const {cli, push} = await signedWorld()
    const unsigned = await push('unsigned')
    await enable(cli, {unsigned: unsigned.image})
    await using used = await connectStdio(cli, ['--no-verify-signatures'])
    await expect.poll(() => used.toolNames()).toEqual(['environment'])
  })

  test('are installed when they are signed, and not when they are not', async () => {
    const {registry, cli, key, push} = await signedWorld()
    const [good, unsigned] = [await push('good'), await push('unsigned')]
    await signImage(registry, good, key)
    await enable(cli, {good: good.image, unsigned: unsigned.image})
    await cli.mcp('server', 'install', 'good')
    const refused = await cli.run(['mcp', 'server', 'install', 'unsigned'])
    expect(refused.code).toBe(1)
    expect(refused.stderr.replaceAll(/\s+/g, ' ')).toMatch(
      /server unsigned: .* has no signature in/,
    )
    await expect.poll(() => registry.log()).toContain(`GET /v2/${good.repository}/blobs/`)
    // Its layers were not even asked for.
    expect(registry.log()).not.toContain(`GET /v2/${unsigned.repository}/blobs/`)
    await cli.mcp('server', 'install', '--no-verify-signatures', 'unsigned')
  })

  test('count under their original names when they come from a mirror, with its signatures', async () => {
    const {registry, cli, key, push} = await signedWorld()
    const [good, unsigned] = [await push('good'), await push('unsigned')]
    const folder = good.repository.slice(0, good.repository.indexOf('/'))
    // As Docker does: the signatures of all images are in one repository.
    const signatures = {repository: `${folder}/signatures`, digest: good.digest}
    await signImage(registry, signatures, key)
    const keys = [
      {
        images: 'registry.invalid/acme/*',
        key: 'acme.pub',
        repository: 'registry.invalid/acme/signatures',
      },
    ]
    await cli.write('signatures.yaml', stringify({keys}))
    await enable(cli, {
      good: 'registry.invalid/acme/good:1',
      unsigned: 'registry.invalid/acme/unsigned:1',
    })
    const rewrite = [{from: 'registry.invalid/acme/*', to: `${registry.host}/${folder}/*`}]
    await cli.write('mcp-gateway-config.yaml', stringify({images: {rewrite}}))
    await using used = await connectStdio(cli)
    await expect.poll(() => used.toolNames()).toEqual(['environment'])
    const refused = await cli.run(['mcp', 'server', 'install', 'unsigned'])
    expect(refused.code).toBe(1)
    expect(refused.stderr.replaceAll(/\s+/g, ' ')).toContain(
      `${unsigned.repository}@${unsigned.digest} has no signature in ${registry.host}/${folder}/signatures`,
    )
  })

  test('stop the gateway where the keys cannot be read, with the place', async () => {
    const cli = await dockerCli()
    onTestFinished(() => cli[Symbol.asyncDispose]())
    await cli.write('signatures.yaml', 'keys:\n  - images: acme/*\n    key: missing.pub\n')
    const {code, stderr} = await cli.run(['mcp', 'gateway', 'run', '--dry-run'])
    expect(code).toBe(1)
    expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(/signatures\.yaml:3:5: there is no file/)
  })
})
