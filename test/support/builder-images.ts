import {randomUUID} from 'node:crypto'
import {cp, mkdir, writeFile} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'
import {ensureImage} from '../../scripts/ensure-image.ts'
import {ensureBase} from '../../scripts/image.ts'
import {capture, npmCommand} from '../../scripts/process.ts'

const NPM = 'npm@12.2.0'

/** What `docker build` of a Node project needs of its base, where no image can be pulled: node, npm, a shell. */
export async function nodeBuilder(): Promise<string> {
  const base = await ensureBase(() => undefined)
  return ensureImage({
    image: 'localhost/docker-mcp-test/node-builder:latest',
    dockerfile: [
      `FROM ${base.image}`,
      'COPY root/ /',
      // Where an own authority signs what comes in, the machine's list has it.
      'ENV PATH=/usr/local/bin:/usr/bin:/bin NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt HOME=/root',
      'USER 0:0',
      '',
    ].join('\n'),
    ingredients: [base.image, NPM, process.arch],
    stage: async build => {
      const root = join(build, 'root')
      for (const program of ['/bin/sh', '/usr/bin/env']) await copyProgram(program, root)
      const lib = join(root, 'usr/local/lib')
      await mkdir(lib, {recursive: true})
      const [npm, ...first] = npmCommand()
      const {code, stderr} = await capture(npm, [...first, 'install', '--prefix', lib, NPM])
      if (code !== 0) throw new Error(`npm was not installed: ${stderr}`)
      await mkdir(join(root, 'usr/local/bin'), {recursive: true})
      await writeFile(
        join(root, 'usr/local/bin/npm'),
        '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n',
        {mode: 0o755},
      )
    },
  })
}

/** A name for an image of this run. */
export function freshName(what: string): string {
  return `${what}-${randomUUID().slice(0, 8)}`
}

async function copyProgram(program: string, root: string): Promise<void> {
  const {stdout} = await capture('ldd', [program])
  const libraries = stdout.match(/\/\S+/g) ?? []
  for (const file of [program, ...libraries]) {
    const copy = join(root, resolve(file))
    await mkdir(dirname(copy), {recursive: true})
    await cp(file, copy, {dereference: true})
  }
}
