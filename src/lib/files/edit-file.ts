import {PluginError} from '../base/errors.ts'
import {readTextFile, writeFileAtomic} from './atomic.ts'
import {withFileLock} from './lock.ts'

/**
 * Changes the text of a file that others may read, while nobody else of ours does. Nothing is written when the text stays
 * the same; a file that does not exist is an empty one.
 * @param edit takes the old text and gives the new one; what it throws names the file, and leaves it as it is
 * @throws PluginError FILE_INVALID, FILE_DENIED, FILE_BUSY
 */
export async function editFile(file: string, edit: (text: string) => string): Promise<void> {
  await withFileLock(file, async () => {
    const text = (await readTextFile(file)) ?? ''
    const next = named(file, () => edit(text))
    // Readable for others like the files that docker's plugin writes; there is nothing secret in it.
    if (next !== text) await writeFileAtomic(file, next, {mode: 0o644})
  })
}

/** The editor knows texts only; a person needs to know which file it was. */
function named<T>(file: string, task: () => T): T {
  try {
    return task()
  } catch (error) {
    if (!(error instanceof PluginError) || error.message.startsWith(file)) throw error
    const hint = error.hint === undefined ? {} : {hint: error.hint}
    throw new PluginError(error.code, `${file}: ${error.message}`, {...hint, cause: error})
  }
}
