import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {useFixture, type Peer, type Target} from '../clients/peer.ts'
import {connectV1} from '../clients/sdk-v1.ts'
import {connectV2} from '../clients/sdk-v2.ts'
import {backgroundCli, oneOf, statusOf} from '../support/background-cli.ts'
import type {DockerCli} from '../support/docker-cli.ts'
import {fixtureCatalog, type FixtureCatalog} from '../support/fixture-images.ts'

const PATIENT = {timeout: 60_000}

function targetOf(cli: DockerCli): Target {
  const args = ['mcp', 'gateway', 'connect']
  return {transport: 'stdio', command: 'docker', args, env: {...cli.env}}
}

/** Changes the list of tools, and waits until that is told and seen. */
async function changeTools(peer: Peer, isThere: boolean): Promise<void> {
  const told = peer.changes.items.length
  await peer.call('test_trigger_tool_change', {present: isThere})
  await expect.poll(() => peer.changes.items.length, PATIENT).toBeGreaterThan(told)
  await expect
    .poll(async () => (await peer.toolNames()).includes('test_extra_tool'), PATIENT)
    .toBe(isThere)
}

/** Begins a call that is never answered. */
async function beginCall(peer: Peer, label: string): Promise<{readonly outcome: Promise<string>}> {
  const begun = Promise.withResolvers<void>()
  const call = peer.call('test_wait', {label}, () => begun.resolve())
  const outcome = call.then(() => 'an answer', String)
  await begun.promise
  return {outcome}
}

describe.for(['legacy', 'modern'])('gateway connect, with a %s server in a container', era => {
  let cli: DockerCli
  let catalog: FixtureCatalog

  beforeAll(async () => {
    cli = await backgroundCli()
    const env = [{name: 'MCP_FIXTURE_ERA', value: era}]
    catalog = await fixtureCatalog({[`${era}-server`]: {fixture: 'conformance', env}})
  })
  afterAll(async () => {
    await cli?.[Symbol.asyncDispose]()
    await catalog?.[Symbol.asyncDispose]()
  })

  test('serves clients of both eras at once, also after kill -9 in the middle', async () => {
    const flags = ['--catalog', catalog.file, '--servers', `${era}-server`]
    await cli.mcp('gateway', 'start', ...flags)
    await using legacy = await connectV1(targetOf(cli))
    await using modern = await connectV2(targetOf(cli), 'modern')
    await using auto = await connectV2(targetOf(cli), 'auto')
    expect([modern.version, auto.version]).toEqual(['2026-07-28', '2026-07-28'])
    await Promise.all([useFixture(legacy), useFixture(modern)])
    expect(await auto.toolNames()).toContain('test_simple_text')
    const clients = async () => (await oneOf(cli)).clients.toSorted()
    await expect.poll(clients, PATIENT).toEqual(['sdk-v1', 'sdk-v2', 'sdk-v2'])

    const first = await oneOf(cli)
    const listening = await modern.listen()
    const ends: string[] = []
    void listening.closed.then(why => ends.push(why))
    await changeTools(modern, true)
    await changeTools(legacy, false)
    const calls = [await beginCall(modern, 'modern'), await beginCall(legacy, 'legacy')]
    const told = {legacy: legacy.changes.items.length, modern: modern.changes.items.length}

    process.kill(first.pid, 'SIGKILL')
    const outcomes = await Promise.all(calls.map(({outcome}) => outcome))
    const lost = expect.stringContaining('tools/call: the gateway ended before it answered')
    expect(outcomes).toEqual([lost, lost])
    await Promise.all([useFixture(legacy), useFixture(modern)])
    expect((await oneOf(cli)).pid).not.toBe(first.pid)
    // Without a new request to listen: whatever was read may be another.
    await expect.poll(() => modern.changes.items.length, PATIENT).toBeGreaterThan(told.modern)
    await expect.poll(() => legacy.changes.items.length, PATIENT).toBeGreaterThan(told.legacy)
    await changeTools(modern, true)
    await changeTools(modern, false)
    expect(ends).toEqual([])
    expect(await auto.toolNames()).toContain('test_simple_text')

    await auto[Symbol.asyncDispose]()
    await expect.poll(clients, PATIENT).toEqual(['sdk-v1', 'sdk-v2'])
    await cli.mcp('gateway', 'stop')
    expect(await statusOf(cli)).toEqual([])
    await cli.gone()
  })
})
