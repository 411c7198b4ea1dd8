import {messageOf, PluginError} from '../base/errors.ts'
import {runBounded, Unanswered} from '../plugin/bounded-program.ts'
import {findPlugin} from '../plugin/folders.ts'
import {dockerConfig} from './docker-config.ts'
import {forgetSecret, indexedNames, noteWriting} from './index-file.ts'
import {secretService} from './secret-service.ts'
import {EngineAbsent, engineAnswers, engineSockets, resolveSecret} from './secrets-engine.ts'
import {isSecretName, REALM, setCommand, type SecretStore, type StoreInput} from './store.ts'

/** How long the engine has to say that it is there, and `docker pass ls` to tell names. */
const PROBE_MS = 3000

/**
 * `docker pass` of Docker Desktop: its program writes, and docker's secrets engine gives the values. The secrets of
 * docker's own `docker mcp` are there under the same names, and are one set for all of docker's folders.
 * @param options `withinMs`: how long the program and the engine have to answer, 60 s when not given; `probeMs`: how long
 *   the engine has to say that it is there, and the program to tell names
 */
export function openDockerPass(
  input: StoreInput,
  {withinMs, probeMs = PROBE_MS}: {readonly withinMs?: number; readonly probeMs?: number} = {},
): SecretStore {
  const {paths, env} = input
  const sockets = engineSockets(env, process.platform)
  const kept = (name: string) => ({name, store: NAME})

  const plugin = async () =>
    findPlugin('docker-pass', {
      dockerConfigDir: paths.dockerConfigDir,
      env,
      more: (await dockerConfig(paths)).pluginDirs,
    })
  /** Values go in by stdin: arguments can be seen by everybody on the machine. */
  const run = async (args: readonly string[], value: Buffer | string = '') => {
    const program = await plugin()
    if (program === undefined) throw new Error(NOT_INSTALLED)
    const answer = await runBounded(program, {args: ['pass', ...args], input: value, env, withinMs})
    const ended = `it ended with code ${answer?.code}`
    if (answer?.code === null) throw new Unanswered(ended)
    if (answer?.code !== 0) throw new Error(ended)
  }
  /** Undefined when it cannot tell. */
  const listed = async () => {
    const program = await plugin()
    if (program === undefined || !(await opensNothing(env))) return undefined
    const ask = {args: ['pass', 'ls'], input: '', env, withinMs: probeMs}
    const answer = await runBounded(program, ask).catch(() => undefined)
    return answer?.code === 0 ? namesIn(answer.text) : undefined
  }
  const names = async () => {
    // Read in any case: gateways see by it what is set.
    const ours = await indexedNames(paths, NAME)
    return (await listed()) ?? ours
  }

  return {
    name: NAME,
    async unavailable() {
      if (sockets.length === 0) return 'values of docker pass cannot be read on Windows'
      if (await engineAnswers({sockets, withinMs: probeMs})) return undefined
      return (await plugin()) === undefined ? NOT_INSTALLED : NO_ENGINE
    },
    names,
    async get(name) {
      try {
        return await resolveSecret(idOf(name), {sockets, withinMs})
      } catch (error) {
        const isOurs = (await indexedNames(paths, NAME)).includes(name)
        if (error instanceof EngineAbsent && !isOurs) return undefined
        throw failed(
          `docker's secrets engine does not give the secret ${name}: ${error instanceof EngineAbsent ? 'it does not run' : messageOf(error)}`,
        )
      }
    },
    async set(name, value) {
      await inWordsOf(`docker pass does not keep the secret ${name}`, () =>
        noteWriting(paths, kept(name), () => run(['set', idOf(name)], value)),
      )
    },
    async remove(name) {
      const found = (await names()).includes(name)
      if (found) {
        await inWordsOf(`docker pass still has the secret ${name}`, () => run(['rm', idOf(name)]))
      }
      const isForgotten = await forgetSecret(paths, kept(name))
      return found || isForgotten
    },
    forget: name => forgetSecret(paths, kept(name)),
  }
}

const NAME = 'pass'
const NOT_INSTALLED = 'docker pass is not installed'
const NO_ENGINE = "docker's secrets engine does not run (Docker Desktop brings it)"

function idOf(name: string): string {
  return `${REALM}${name}`
}

/** The names of secrets in what `docker pass ls` prints: one id a line. The tokens of logins are kept beside them. */
export function namesIn(list: string): readonly string[] {
  return list
    .split('\n')
    .map(line => line.trim())
    .filter(id => id.startsWith(REALM) && !/^docker\/mcp\/oauth(?:-dcr)?\//.test(id))
    .map(id => id.slice(REALM.length))
    .filter(isSecretName)
}

async function inWordsOf<T>(what: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    throw error instanceof PluginError ? error : failed(`${what}: ${messageOf(error)}`)
  }
}

/** On Linux, listing has the keyring unlocked that it is kept in: not when nobody wants a value. */
async function opensNothing(env: NodeJS.ProcessEnv): Promise<boolean> {
  return process.platform !== 'linux' || (await secretService(env)).is !== 'locked'
}

function failed(message: string): PluginError {
  return new PluginError('STORE_UNUSABLE', message, {
    hint: `look whether it works with: docker pass ls; or keep the secret in another store: ${setCommand()} --store file`,
  })
}
