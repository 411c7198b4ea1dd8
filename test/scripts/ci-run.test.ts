import {copyFile, mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {capture, type Outcome} from '../../scripts/process.ts'

const RUN = join(import.meta.dirname, '..', '..', '.ci', 'run')

const passed = {status: 'passed'}
const failed = {status: 'failed'}
const file = (status: string, ...assertionResults: readonly {status: string}[]) => ({
  status,
  assertionResults,
})

/** Runs .ci/run with an npm that writes `report` (nothing when undefined) and ends with `code`. */
async function runWith(report: string | undefined, code: number): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'ci-run-'))
  try {
    await mkdir(join(folder, '.ci'))
    await mkdir(join(folder, 'stubs'))
    await copyFile(RUN, join(folder, '.ci', 'run'))
    await writeFile(join(folder, 'report.json'), report ?? '')
    const write = report === undefined ? '' : 'cp report.json "$DOCKER_MCP_TEST_REPORT"'
    const npm = `#!/bin/sh\necho "CI=$CI npm $*"\n${write}\nexit ${code}\n`
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
    const {code, stdout} = await runWith(report, 0)
    expect(stdout).toBe('CI=true npm test\n3 passed, 0 failed\n')
    expect(code).toBe(0)
  })

  test('fails with the exit code of npm test when a test failed', async () => {
    const {code, stdout} = await runWith(reportOf(file('failed', passed, failed)), 3)
    expect(stdout).toMatch(/\n1 passed, 1 failed\n$/)
    expect(code).toBe(3)
  })

  test('counts a file that could not be loaded as a failure', async () => {
    const {code, stdout} = await runWith(reportOf(file('passed', passed), file('failed')), 1)
    expect(stdout).toMatch(/\n1 passed, 1 failed\n$/)
    expect(code).toBe(1)
  })

  test('counts a run that failed although every test passed as a failure', async () => {
    const {code, stdout} = await runWith(reportOf(file('passed', passed)), 1)
    expect(stdout).toMatch(/\n1 passed, 1 failed\n$/)
    expect(code).toBe(1)
  })

  test.for([
    ['no test ran', reportOf()],
    ['there is no report', undefined],
    ['the report is cut off', '{"testRes'],
  ] as const)('fails when %s', async ([, report]) => {
    const {code, stdout} = await runWith(report, 0)
    expect(stdout).toMatch(/\n0 passed, 1 failed\n$/)
    expect(code).toBe(1)
  })

  test('says so when there is no npm', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ci-run-'))
    try {
      await symlink(process.execPath, join(folder, 'node'))
      await symlink('/usr/bin/dirname', join(folder, 'dirname'))
      const {code, stdout, stderr} = await capture('/bin/bash', [RUN], {env: {PATH: folder}})
      expect(stderr).toContain('npm is not on PATH')
      expect(stdout).toBe('0 passed, 1 failed\n')
      expect(code).toBe(1)
    } finally {
      await rm(folder, {recursive: true})
    }
  })
})
