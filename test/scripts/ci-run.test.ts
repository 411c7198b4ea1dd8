import {cp, mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {capture, type Outcome} from '../../scripts/process.ts'

const CI = join(import.meta.dirname, '..', '..', '.ci')

const passed = {status: 'passed'}
const failed = {status: 'failed', fullName: 'one that fails'}
const file = (status: string, ...assertionResults: readonly {status: string}[]) => ({
  name: 'some.test.ts',
  status,
  assertionResults,
})

/** What `npm test` does: a report that it writes, nothing when undefined, and its exit code. */
interface Run {
  readonly report: string | undefined
  readonly code: number
}

/** Runs .ci/run with an npm that does `first`, and `second` when it is called again. */
async function runWith(first: Run, second?: Run): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'ci-run-'))
  try {
    await mkdir(join(folder, 'stubs'))
    await cp(CI, join(folder, '.ci'), {recursive: true})
    for (const [name, run] of Object.entries({first, second})) {
      if (!run) continue
      await writeFile(join(folder, `${name}.code`), String(run.code))
      if (run.report !== undefined) await writeFile(join(folder, `${name}.json`), run.report)
    }
    const npm = `#!/bin/sh
echo "CI=$CI npm $*"
mkdir called 2>/dev/null && run=first || run=second
test ! -e $run.json || cp $run.json "$DOCKER_MCP_TEST_REPORT"
exit $(cat $run.code)
`
    await writeFile(join(folder, 'stubs', 'npm'), npm, {mode: 0o755})
    const path = [join(folder, 'stubs'), dirname(process.execPath), '/usr/bin', '/bin'].join(':')
    return await capture(join(folder, '.ci', 'run'), [], {env: {...process.env, PATH: path}})
  } finally {
    await rm(folder, {recursive: true})
  }
}

const reportOf = (...testResults: readonly object[]) => JSON.stringify({testResults})

describe('.ci/run', () => {
  test('shows the output of npm test and ends with the count', async () => {
    const report = reportOf(
      file('passed', passed, passed),
      file('passed', passed, {status: 'todo'}),
    )
    const {code, stdout} = await runWith({report, code: 0})
    expect(stdout).toBe('CI=true npm test\n3 passed, 0 failed\n')
    expect(code).toBe(0)
  })

  test('fails with the exit code of npm test when a test failed', async () => {
    const always = {report: reportOf(file('failed', passed, failed)), code: 3}
    const {code, stdout} = await runWith(always, always)
    expect(stdout).toMatch(/\n1 passed, 1 failed\n$/)
    expect(code).toBe(3)
  })

  test('runs a file that failed once more, alone, and names what passes then', async () => {
    const before = {
      report: reportOf(file('failed', passed, failed), {
        ...file('passed', passed),
        name: 'other.test.ts',
      }),
      code: 1,
    }
    const after = {report: reportOf(file('passed', passed, passed)), code: 0}
    const {code, stdout} = await runWith(before, after)
    expect(stdout.split('\n')).toEqual([
      'CI=true npm test',
      'These failed, and are run once more, without others beside them: some.test.ts',
      'CI=true npm test -- --no-file-parallelism some.test.ts',
      'unsteady, a bug of the test or of what it tests: some.test.ts: one that fails',
      '3 passed, 0 failed',
      '',
    ])
    expect(code).toBe(0)
  })

  test('fails when the second run ends without a report', async () => {
    const before = {report: reportOf(file('failed', passed, failed)), code: 1}
    const {code, stdout} = await runWith(before, {report: undefined, code: 7})
    expect(stdout).toMatch(/\n1 passed, 1 failed\n$/)
    expect(code).toBe(7)
  })

  test('runs nothing again when many files failed', async () => {
    const many = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => ({...file('failed', failed), name}))
    const {code, stdout} = await runWith({report: reportOf(...many), code: 1})
    expect(stdout).toBe('CI=true npm test\n0 passed, 6 failed\n')
    expect(code).toBe(1)
  })

  test('counts a file that could not be loaded as a failure', async () => {
    const other = {...file('passed', passed), name: 'other.test.ts'}
    const always = {report: reportOf(other, file('failed')), code: 1}
    const {code, stdout} = await runWith(always, always)
    expect(stdout).toMatch(/\n1 passed, 1 failed\n$/)
    expect(code).toBe(1)
  })

  test('counts a run that failed although every test passed as a failure', async () => {
    const {code, stdout} = await runWith({report: reportOf(file('passed', passed)), code: 1})
    expect(stdout).toMatch(/\n1 passed, 1 failed\n$/)
    expect(code).toBe(1)
  })

  test.for([
    ['no test ran', reportOf()],
    ['there is no report', undefined],
    ['the report is cut off', '{"testRes'],
  ] as const)('fails when %s', async ([, report]) => {
    const {code, stdout} = await runWith({report, code: 0})
    expect(stdout).toMatch(/\n0 passed, 1 failed\n$/)
    expect(code).toBe(1)
  })

  test('says so when there is no npm', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ci-run-'))
    try {
      await symlink(process.execPath, join(folder, 'node'))
      await symlink('/usr/bin/dirname', join(folder, 'dirname'))
      const {code, stdout, stderr} = await capture('/bin/bash', [join(CI, 'run')], {
        env: {PATH: folder},
      })
      expect(stderr).toContain('npm is not on PATH')
      expect(stdout).toBe('0 passed, 1 failed\n')
      expect(code).toBe(1)
    } finally {
      await rm(folder, {recursive: true})
    }
  })
})
