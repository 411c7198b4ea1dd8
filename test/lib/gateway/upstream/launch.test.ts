import {execFile} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {promisify} from 'node:util'
import {expect, test} from 'vitest'
import {createFleet} from '../../../../src/lib/gateway/upstream/fleet.ts'
import {request, type Message} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {FLEET_DEFAULTS} from '../../../support/engine-with.ts'
import {testEngine} from '../../../support/in-process-gateway.ts'
import {plainSpec} from '../../../support/plain-spec.ts'
import {loadImage, scratchImage} from '../../../support/special-images.ts'
import {secretsOf} from '../../../support/secrets.ts'

const run = promisify(execFile)

test('a secret in the command starts an image that says no program itself', async () => {
  const image = `localhost/docker-mcp-test/mend-b-${randomUUID()}:latest`
  await loadImage(await scratchImage(image, {Entrypoint: null}))
  const engine = await testEngine()
  const answer = Promise.withResolvers<Message>()
  const fleet = createFleet({
    ...FLEET_DEFAULTS,
    engine: async () => engine,
    owner: `mend-b-${randomUUID()}`,
    exposeSecrets: ['bare'],
    secrets: secretsOf({key: 'hunter2-hunter2'}),
  })
  try {
    const upstream = await fleet
      .openers(
        plainSpec({
          name: 'bare',
          image,
          command: ['/static-server', '--token=${KEY}'],
          secrets: [{name: 'key', env: 'KEY', required: true}],
          secretNames: ['key'],
        }),
      )
      .legacy({
        session: 'one',
        onMessage: answer.resolve,
        signal: new AbortController().signal,
      })
    const params = {name: 'environment', arguments: {}}
    upstream.send(request(1, 'tools/call', params))
    expect(JSON.stringify(await answer.promise)).toContain('--token=hunter2-hunter2')
    await upstream[Symbol.asyncDispose]()
  } finally {
    await run('docker', ['image', 'rm', '--force', image])
  }
})
