import {join} from 'node:path'

import {ensureCompilers} from './compilers.ts'
import {ensureEngine} from './engine.ts'
import {foreground, npm, report, runMain} from './process.ts'
import {ensureRealClients} from './real-clients.ts'
import {buildSamples} from './samples.ts'
import {ensureTestTools} from './test-tools.ts'

const ROOT = join(import.meta.dirname, '..')

/**
 * Everything that the tests need, then the tests.
 * @param args passed on to vitest; with any, only tests run and not the checks of types, lint and format
 * @returns the exit code of the step that failed, else vitest's
 */
async function test(args: readonly string[]): Promise<number> {
  if (args.length === 0) {
    report('test: checking types, lint, format, dead code and architecture')
    const checked = await npm(['run', 'check'])
    if (checked !== 0) return checked
  }
  report('test: building')
  const built = await foreground(process.execPath, [join(ROOT, 'scripts', 'build.ts')])
  if (built !== 0) return built
  await ensureEngine(report)
  await ensureCompilers(report)
  await buildSamples(report)
  await ensureTestTools(report)
  await ensureRealClients(report)
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
  return foreground(process.execPath, [vitest, 'run', ...reporters(process.env), ...args])
}

/**
 * vitest's options for a second report, for programs.
 * @param env `DOCKER_MCP_TEST_REPORT`: the file that the JSON report is written to
 */
export function reporters(env: NodeJS.ProcessEnv): readonly string[] {
  const file = env['DOCKER_MCP_TEST_REPORT']
  if (!file) return []
  return ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
}

if (import.meta.main) await runMain(async () => test(process.argv.slice(2)))
