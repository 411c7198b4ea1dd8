import {join} from 'node:path'

import inspector from '@modelcontextprotocol/inspector/package.json' with {type: 'json'}

import {expect} from 'vitest'

import type {DockerCli} from '../support/docker-cli.ts'
import type {Target} from './peer.ts'

const INSPECTOR = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/inspector',
  inspector.bin['mcp-inspector'],
)

/** One run of the inspector: a method, its options, and what its answer must hold. */
export type InspectorRun = readonly [method: string, flags: readonly string[], answer: string]

/** Has the inspector connect in the way of an era, make one request, and leave, for each run at the same time. */
export async function inspect(
  cli: DockerCli,
  target: Target,
  era: 'legacy' | 'auto' | 'modern',
  runs: readonly InspectorRun[],
): Promise<void> {
  const words = ['--cli', '--protocol-era', era, ...targetOf(cli, target)]
  const options = {program: process.execPath, env: {MCP_STORAGE_DIR: cli.home}}
  // Starting it takes much longer than what it does, so all start at once.
  const outcomes = await Promise.all(
    runs.map(([method, flags]) =>
      cli.run([INSPECTOR, ...words, '--method', method, ...flags], options),
    ),
  )
  for (const [at, [method, , answer]] of runs.entries()) {
    const outcome = outcomes[at]
    expect(outcome, `${method}\n${outcome?.stderr}`).toMatchObject({code: 0})
    expect(outcome?.stdout).toContain(answer)
  }
}

function targetOf(cli: DockerCli, target: Target): readonly string[] {
  if (target.transport === 'stdio') {
    // The inspector starts programs with an environment of its own.
    const env = ['DOCKER_CONFIG', 'DOCKER_MCP_MEMORY', 'DOCKER_HOST'].flatMap(name =>
      cli.env[name] === undefined ? [] : ['-e', `${name}=${cli.env[name]}`],
    )
    return [...env, target.command, ...target.args]
  }
  const headers = Object.entries(target.headers).map(([name, value]) => `${name}: ${value}`)
  const kind = target.transport === 'sse' ? 'sse' : 'http'
  const shown = headers.length === 0 ? [] : ['--header', ...headers]
  return ['--transport', kind, '--server-url', String(target.url), ...shown]
}
