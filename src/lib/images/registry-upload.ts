import {createHash} from 'node:crypto'
import {isSuccess, refusalIn, RegistryError, type Answer} from './registry-answer.ts'
import {connectRegistry, type RegistryAccess} from './registry-connection.ts'

/** What a manifest says of a blob. */
export interface Stored {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** One repository of a registry, for writing (OCI distribution specification, "Push"). */
export interface Upload {
  /** Stores a blob, unless it is there. @throws RegistryError; the signal's reason */
  blob(content: Buffer, mediaType: string, signal: AbortSignal): Promise<Stored>
  /** Stores a manifest under a tag. @returns its digest @throws like `blob` */
  manifest(tag: string, content: Buffer, mediaType: string, signal: AbortSignal): Promise<string>
}

/**
 * Opens a repository for writing; asks nobody yet.
 * @throws RegistryError when its registry is no host's name
 */
export function openUpload(access: Omit<RegistryAccess, 'actions'>): Upload {
  const ask = connectRegistry({...access, actions: 'pull,push'})
  const root = `/v2/${access.repository}`
  return {
    async blob(content, mediaType, signal) {
      const digest = digestOf(content)
      const stored = {mediaType, digest, size: content.length}
      const look = {method: 'HEAD', headers: {}} as const
      if (await ask(`${root}/blobs/${digest}`, look, isThere, signal)) return stored
      const begin = {method: 'POST', headers: {}, body: ''} as const
      const place = await ask(`${root}/blobs/uploads/`, begin, placeIn, signal)
      const target = new URL(place)
      target.searchParams.set('digest', digest)
      const headers = {'content-type': 'application/octet-stream'}
      await ask(target.href, {method: 'PUT', headers, body: content}, mustBeTaken, signal)
      return stored
    },
    async manifest(tag, content, mediaType, signal) {
      const headers = {'content-type': mediaType}
      const question = {method: 'PUT', headers, body: content} as const
      await ask(`${root}/manifests/${tag}`, question, mustBeTaken, signal)
      return digestOf(content)
    },
  }
}

/** Registries that do not say get it again: to store it twice does no harm. */
async function isThere(answer: Answer): Promise<boolean> {
  answer.body.destroy()
  return answer.status === 200
}

/** Where to send the blob; the connection refuses another host. */
async function placeIn(answer: Answer): Promise<string> {
  if (answer.status !== 202) throw refusalIn(answer, 'write')
  const {location = ''} = answer.headers
  answer.body.destroy()
  if (URL.canParse(location, answer.url.href)) return new URL(location, answer.url).href
  throw new RegistryError('it takes a blob, but does not say where')
}

async function mustBeTaken(answer: Answer): Promise<void> {
  if (!isSuccess(answer)) throw refusalIn(answer, 'write')
  answer.body.destroy()
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
