import {posix} from 'node:path'
import {reservedPlace} from './reserved.ts'

/** Memory that a container sees as a folder. */
export interface TmpfsMount {
  /** An absolute path in its plainest form. */
  readonly path: string
  /** As docker's `--tmpfs` takes them, separated by commas; empty when nothing was said. */
  readonly options: string
}

const FLAGS = ['rw', 'exec', 'noexec', 'nosuid', 'nodev']
/** The forms that the kernel's tmpfs takes; a size in percent would be one of the whole machine. */
const VALUES: Readonly<Record<string, RegExp>> = {
  size: /^0*[1-9]\d{0,14}[kmg]?$/i,
  mode: /^[0-7]{3,4}$/,
  uid: /^\d{1,10}$/,
  gid: /^\d{1,10}$/,
}
/** Memory in any case; browsers need more of it than the engine gives. */
const SHARED_MEMORY = '/dev/shm'
const KNOWN = [...Object.keys(VALUES).map(name => `${name}=`), ...FLAGS]

/**
 * Reads `/path[:option,…]`.
 * @throws RangeError with the rest of a sentence about the text
 */
export function parseTmpfs(text: string): TmpfsMount {
  const colon = text.indexOf(':')
  const path = readPath(colon === -1 ? text : text.slice(0, colon))
  if (colon === -1) return {path, options: ''}
  const options = text.slice(colon + 1).split(',')
  for (const option of options) checkOption(option)
  const names = options.map(nameOf)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new RangeError(`has ${twice} twice`)
  if (names.includes('exec') && names.includes('noexec')) {
    throw new RangeError('has both exec and noexec')
  }
  return {path, options: options.join(',')}
}

function readPath(text: string): string {
  if (!/^\/[^\p{Cc}\\{},]*$/u.test(text)) {
    throw new RangeError('does not start with an absolute path')
  }
  if (text.split('/').includes('..')) throw new RangeError('has ".." in its path')
  const path = posix.normalize(text).replace(/^\/+|\/+$/g, '')
  if (path === '') throw new RangeError('would hide all files of the image')
  const taken = `/${path}` === SHARED_MEMORY ? undefined : reservedPlace(`/${path}`)
  if (taken !== undefined) {
    throw new RangeError(`is in ${taken}, which the gateway or the system fills itself`)
  }
  return `/${path}`
}

function checkOption(option: string): void {
  if (FLAGS.includes(option)) return
  const name = nameOf(option)
  const form = Object.hasOwn(VALUES, name) ? VALUES[name] : undefined
  if (!form) throw new RangeError(`has an option that is none of ${KNOWN.join(', ')}`)
  if (!form.test(option.slice(name.length + 1))) {
    throw new RangeError(`has a ${name} that is not one`)
  }
}

function nameOf(option: string): string {
  return option.split('=', 1)[0] ?? ''
}
