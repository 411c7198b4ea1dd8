import {describe, expect, test} from 'vitest'

import {missingLine, pageNames, readPage, stepsOf, type Step} from './page.ts'
import {newReader, type Reader} from './shell.ts'

const pages = await Promise.all(
  (await pageNames()).map(async name => ({name, steps: stepsOf(await readPage(name))})),
)

// The pages wait for containers more than they compute, and each has a home of its own.
describe.concurrent('the commands of', () => {
  test.for(pages.filter(({steps}) => steps.length > 0))(
    '$name do what the page shows',
    {timeout: 300_000},
    async ({steps}) => {
      await using reader = await newReader()
      for (const step of steps) expect(await problemOf(step, reader)).toBeUndefined()
    },
  )
})

/** What is not as the page says, with everything that is needed to see why. */
async function problemOf(step: Step, reader: Reader): Promise<string | undefined> {
  const {line, how, script, output} = step
  if (how === 'serve') {
    await reader.serve(script, output)
    return undefined
  }
  const {code, stdout} = await reader.run(script)
  const told = `line ${line}, exit code ${code}, printed:\n${stdout}`
  if ((code === 0) !== (how === 'run')) return `the exit code is not that of "${how}": ${told}`
  const missing = missingLine(output, stdout)
  return missing === undefined ? undefined : `${JSON.stringify(missing)} is not printed: ${told}`
}
