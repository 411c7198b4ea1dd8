import {execFile} from 'node:child_process'
import {mkdtemp, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

const run = promisify(execFile)
const FIXTURES = join(import.meta.dirname, '..', 'fixtures')
const compiled = new Map<string, Promise<Buffer>>()

/**
 * Compiles a C program of test/fixtures for this machine, once in a process: static, so that it runs in an image
 * with nothing else in it.
 * @param source below test/fixtures
 * @returns the program
 * @throws when there is no gcc, or it finds fault with the source; its words are in the error
 */
export function staticProgram(source: string): Promise<Buffer> {
  const program = compiled.get(source) ?? compile(join(FIXTURES, source))
  compiled.set(source, program)
  return program
}

async function compile(source: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'static-program-'))
  const program = join(folder, 'program')
  try {
    await run('gcc', ['-static', '-Os', '-s', '-Wall', '-Wextra', '-Werror', '-o', program, source])
    return await readFile(program)
  } finally {
    await rm(folder, {recursive: true})
  }
}
