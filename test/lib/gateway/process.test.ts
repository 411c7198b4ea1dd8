import {randomUUID} from 'node:crypto'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {join} from 'node:path'
import {createInterface} from 'node:readline'
import {describe, expect, test} from 'vitest'
import {fixtureCatalog, type Fixture} from '../../support/fixture-images.ts'
import {testEngine, testHome} from '../../support/in-process-gateway.ts'

const SCRIPT = join(import.meta.dirname, '..', '..', 'fixtures', 'serve-stdio.ts')
const message = (id: number, method: string, params: object) =>
  `${JSON.stringify({jsonrpc: '2.0', id, method, params})}\n`

/** A gateway in a process of its own, with one server of which a container is running. */
async function startProcess(fixture: Fixture, tool: string) {
  const server = `${fixture}-${randomUUID().slice(0, 8)}`
  const home = await testHome()
  const catalog = await fixtureCatalog({[server]: {fixture}})
  const child = spawn(process.execPath, [SCRIPT, home.dir, catalog.file, server])
  const exit = once(child, 'exit')
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // A gateway that ends does not read what the test still writes.
  child.stdin.on('error', () => undefined)
  const clientInfo = {name: 'test', version: '1'}
  child.stdin.write(
    message(1, 'initialize', {protocolVersion: '2025-11-25', capabilities: {}, clientInfo}) +
      message(2, 'tools/call', {name: tool}),
  )
  const answers: string[] = []
  for await (const line of createInterface({input: child.stdout})) {
    if (answers.push(line) === 2) break
  }
  const engine = await testEngine()
  const containers = () => engine.list({'docker-mcp-name': server})
  expect(answers.join('\n')).toContain('"content"')
  expect(await containers()).toHaveLength(1)
  return {
    child,
    exit,
    containers,
    async leavesNothing() {
      expect((await containers()).filter(({state}) => state === 'running')).toEqual([])
      // A busy engine may take longer to remove what it was told to than the gateway waits for it.
      await expect.poll(containers).toEqual([])
    },
    stderr: () => stderr,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exit
      await Promise.all((await containers()).map(({id}) => engine.remove(id, {force: true})))
      await catalog[Symbol.asyncDispose]()
      await home[Symbol.asyncDispose]()
    },
  }
}

describe('a gateway on stdio', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'ends on %s though its stdin stays open, and leaves no container',
    async signal => {
      await using gateway = await startProcess('counts-calls', 'count')
      gateway.child.kill(signal)
      expect(await gateway.exit).toEqual([0, null])
      await gateway.leavesNothing()
      await expect.poll(gateway.stderr).toContain('> Stopping')
    },
  )

  test('ends with its stdin, and leaves no container', async () => {
    await using gateway = await startProcess('ignores-eof', 'wait')
    gateway.child.stdin.end()
    expect(await gateway.exit).toEqual([0, null])
    await gateway.leavesNothing()
  })

  test('ends when nobody reads its stdout any more, though its stdin stays open', async () => {
    await using gateway = await startProcess('counts-calls', 'count')
    gateway.child.stdout.destroy()
    gateway.child.stdin.write(message(3, 'ping', {}) + message(4, 'ping', {}))
    expect(await gateway.exit).toEqual([0, null])
    await gateway.leavesNothing()
  })

  test('ends when its client writes on and never reads, and leaves no container', async () => {
    await using gateway = await startProcess('counts-calls', 'count')
    const megabyte = 'x'.repeat(1024 * 1024)
    const ping = `${JSON.stringify({jsonrpc: '2.0', id: megabyte, method: 'ping'})}\n`
    gateway.child.stdout.removeAllListeners('data').pause()
    for (let at = 0; at < 40; at += 1) gateway.child.stdin.write(ping)
    expect(await gateway.exit).toEqual([0, null])
    await expect.poll(gateway.stderr).toContain('! the client does not read what it is sent')
    await gateway.leavesNothing()
  })

  test('that is killed leaves no container of a server that ends with its stdin', async () => {
    await using gateway = await startProcess('counts-calls', 'count')
    gateway.child.kill('SIGKILL')
    expect(await gateway.exit).toEqual([null, 'SIGKILL'])
    await expect.poll(gateway.containers).toEqual([])
  })
})
