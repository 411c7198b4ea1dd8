import {createHash} from 'node:crypto'
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {capture, npmCommand} from './process.ts'

const FOLDER = join(import.meta.dirname, '..', 'test', 'real-clients')
const STAMP = join(FOLDER, 'node_modules', '.docker-mcp-lock')

/**
 * Installs the AI clients that tests run for real, as their lock file says, unless they are there. None of their install
 * scripts runs: the programs are in packages for each platform.
 * @param report gets one line before they are downloaded, more than a gigabyte
 * @throws Error with npm's words
 */
export async function ensureRealClients(report: (line: string) => void): Promise<void> {
  const wanted = createHash('sha256')
  for (const name of ['package.json', 'package-lock.json']) {
    wanted.update(await readFile(join(FOLDER, name)))
  }
  const digest = wanted.digest('hex')
  if ((await readStamp()) === digest) return
  report('test: downloading the AI clients that are tested')
  // Not `npm ci`: npm leaves out of a lock file what optional packages of other platforms want, and ci minds that.
  const [command, ...first] = npmCommand()
  const install = ['install', '--ignore-scripts', '--no-save', '--loglevel=error']
  const {code, stderr} = await capture(command, [...first, ...install], {cwd: FOLDER})
  if (code !== 0) throw new Error(`npm install in ${FOLDER} failed: ${stderr}`)
  await writeFile(STAMP, digest)
}

async function readStamp(): Promise<string | undefined> {
  try {
    return await readFile(STAMP, 'utf8')
  } catch {
    return undefined
  }
}
