import {execFile} from 'node:child_process'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

const run = promisify(execFile)

export interface SampleImage extends AsyncDisposable {
  readonly ref: string
  readonly id: string
}

/** Makes a small image of this machine's shell, `cat` and `env`; disposing of it removes it from the engine. */
export async function makeSampleImage(ref: string): Promise<SampleImage> {
  const dir = await mkdtemp(join(tmpdir(), 'sample-image-'))
  try {
    const tar = join(dir, 'root.tar')
    const programs = ['/bin/sh', '/bin/cat', '/usr/bin/env']
    const {stdout} = await run('ldd', programs)
    const libraries = new Set(stdout.match(/\/\S+\.so\S*/g))
    await run('tar', ['--create', '--dereference', '--file', tar, ...programs, ...libraries])
    const changes = ['ENTRYPOINT ["/bin/sh"]', 'CMD ["-c","cat"]', 'USER 65532', 'LABEL a=b']
    const flags = changes.flatMap(change => ['--change', change])
    const {stdout: id} = await run('docker', ['import', ...flags, tar, ref])
    return {
      ref,
      id: id.trim(),
      async [Symbol.asyncDispose]() {
        await run('docker', ['image', 'rm', '--force', ref])
      },
    }
  } finally {
    await rm(dir, {recursive: true})
  }
}
