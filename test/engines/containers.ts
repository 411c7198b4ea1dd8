import {
  type ContainerInput,
  type ContainerOptions,
  containerOptions,
} from '../../src/lib/engine/options.ts'

interface Script {
  readonly owner: string
  readonly image: string
  readonly script: string
}

/** What a test asks of an engine: a shell script in an image, with the variables in the engine's records. */
export function scriptOptions(
  script: Script,
  more: Partial<ContainerInput> = {},
): ContainerOptions {
  return containerOptions(scriptInput(script, more))
}

/** The same before it is put into the engine's words. */
export function scriptInput(input: Script, more: Partial<ContainerInput> = {}): ContainerInput {
  return {
    server: 'sample',
    owner: input.owner,
    image: input.image,
    command: ['-c', input.script],
    facts: {user: '', volumes: [], entrypoint: ['/bin/sh'], cmd: [], workingDir: ''},
    entry: {kind: 'plain', env: []},
    mounts: [],
    network: {kind: 'none'},
    security: {profile: 'default', capAdd: [], tmpfs: []},
    secretFiles: false,
    transport: 'stdio',
    limits: {cpus: 1, memoryBytes: 64 * 1024 ** 2, pids: 32, diskBytes: 1024 ** 3},
    ...more,
  }
}
