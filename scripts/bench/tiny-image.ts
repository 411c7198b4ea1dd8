import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {PluginError} from '../../src/lib/base/errors.ts'
import {buildImage, currentImages, type ImageRecipe} from '../image.ts'
import {capture} from '../process.ts'

const SOURCE = join(import.meta.dirname, 'tiny.c')
const COMPILE = ['gcc', '-static', '-O2', '-s']

/**
 * The image of an MCP server that starts and answers in no time, with nothing else in it.
 * @returns its name
 * @throws PluginError ENGINE_FAILED when gcc or the engine refuses
 */
export async function tinyImage(): Promise<string> {
  const recipe: ImageRecipe = {
    image: 'localhost/docker-mcp-test/bench-tiny:latest',
    dockerfile: 'FROM scratch\nCOPY tiny /tiny\nUSER 1000:1000\nENTRYPOINT ["/tiny"]\n',
    ingredients: [process.arch, ...COMPILE, await readFile(SOURCE, 'utf8')],
    stage: folder => compile(join(folder, 'tiny')),
  }
  const current = await currentImages([recipe])
  if (!current.has(recipe.image)) await buildImage(recipe)
  return recipe.image
}

async function compile(program: string): Promise<void> {
  const [command = '', ...options] = COMPILE
  const {code, stderr} = await capture(command, [...options, '-o', program, SOURCE])
  if (code === 0) return
  throw new PluginError('ENGINE_FAILED', `gcc could not compile ${SOURCE}: ${stderr}`, {
    hint: 'this benchmark needs gcc and a C library to link statically',
  })
}
