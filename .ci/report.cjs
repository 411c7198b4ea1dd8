// Reads vitest's JSON reports for .ci/run. Any Node can run it.
//   report.cjs again FIRST           prints the files to run once more, a line each
//   report.cjs count CODE FIRST [SECOND]   prints the count, and exits with 0 only when nothing failed
const {readFileSync} = require('node:fs')
const {relative} = require('node:path')

/** More files than that do not fail by chance. */
const MOST_AGAIN = 5

function again(report) {
  const names = resultsOf(report).filter(isFailed).map(nameOf)
  if (names.length <= MOST_AGAIN) for (const name of names) say(name)
}

/** A run that failed without a failed test (a check, a file that cannot be loaded) counts as one failure. */
function count(code, first, second) {
  const before = resultsOf(first)
  const after = second === undefined ? [] : resultsOf(second)
  const ranAgain = new Set(after.map(nameOf))
  const files = [...before.filter(file => !ranAgain.has(nameOf(file))), ...after]
  const tests = files.flatMap(({assertionResults}) => assertionResults)
  const passed = tests.filter(({status}) => status === 'passed').length
  const failedTests = tests.filter(({status}) => status === 'failed').length
  const brokenFiles = files.filter(file => isFailed(file) && failedOf(file).length === 0).length
  let failed = failedTests + brokenFiles
  if (failed === 0 && (code !== '0' || passed === 0)) {
    warn(passed === 0 ? 'no test ran' : `npm test ended with code ${code}, see above`)
    failed = 1
  }
  if (failed === 0) sayUnsteady(before)
  say(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : Number(code) || 1
}

function sayUnsteady(files) {
  for (const file of files.filter(isFailed)) {
    const titles = failedOf(file).map(({fullName}) => fullName)
    for (const title of titles.length > 0 ? titles : ['the file itself']) {
      say(`unsteady, a bug of the test or of what it tests: ${nameOf(file)}: ${title}`)
    }
  }
}

const say = line => process.stdout.write(`${line}\n`)
const warn = line => process.stderr.write(`${line}\n`)
const isFailed = ({status}) => status === 'failed'
const failedOf = ({assertionResults}) => assertionResults.filter(isFailed)
const nameOf = ({name}) => relative(process.cwd(), name)

/** There is no report when npm test ended before vitest, and half a one when vitest was killed. */
function resultsOf(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8')).testResults
  } catch (error) {
    warn(`no report of the tests: ${error.message}`)
    return []
  }
}

const [verb, ...words] = process.argv.slice(2)
if (verb === 'again') again(...words)
else count(...words)
