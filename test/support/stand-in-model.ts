import {join} from 'node:path'
import type {DockerCli} from './docker-cli.ts'

const PROGRAM = join(import.meta.dirname, '..', 'fixtures', 'model', 'main.ts')

/** A model that is none, in a network of its own that leads nowhere. */
export interface StandInModel extends AsyncDisposable {
  /** Where it listens in that network. */
  readonly url: string
  /** The command that starts another one in that network. */
  readonly network: readonly ['nsenter', ...words: string[]]
  /** Waits until a client has shown it a result that matches. */
  saw(result: RegExp): Promise<void>
}

/**
 * Starts a stand-in for a model that has its client call the tool echo.
 * @param word what the tool is to echo
 */
export async function standInModel(cli: DockerCli, word: string): Promise<StandInModel> {
  const script = 'ip link set lo up && exec "$0" "$@"'
  const model = cli.start(['--net', '--', 'sh', '-c', script, process.execPath, PROGRAM, word], {
    program: 'unshare',
  })
  const [, url = ''] = await model.said(/^\{"listens":"(.+)"\}$/m, 'stdout')
  return {
    url,
    network: ['nsenter', '--target', String(model.pid), '--net', '--'],
    async saw(result) {
      await model.said(result, 'stdout')
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  }
}
