import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import {isResult, RPC, type Request, type Response} from '../wire/jsonrpc.ts'

/** Questions that one answer to a client holds at most. */
export const MOST_QUESTIONS = 32
/** Bytes of JSON that one answer to a client asks in at most. */
export const MOST_ASKED_BYTES = 1024 * 1024

/** Whether a client with these capabilities can be asked anything. */
export function canBeAsked({sampling, elicitation, roots}: JsonObject): boolean {
  return isJsonObject(sampling) || isJsonObject(elicitation) || isJsonObject(roots)
}

/**
 * The capabilities that a question needs and the client does not have.
 * @returns them as in `data.requiredCapabilities`; undefined when nothing is lacking
 */
export function lackingFor(
  {method, params = {}}: Pick<Request, 'method' | 'params'>,
  capabilities: JsonObject,
): JsonObject | undefined {
  const {sampling, elicitation, roots} = capabilities
  if (method === 'roots/list') return isJsonObject(roots) ? undefined : {roots: {}}
  if (method === 'sampling/createMessage') {
    const wanted: JsonObject = params['tools'] === undefined ? {} : {tools: {}}
    return hasAll(sampling, wanted) ? undefined : {sampling: wanted}
  }
  if (params['mode'] === 'url') {
    const wanted = {url: {}}
    return hasAll(elicitation, wanted) ? undefined : {elicitation: wanted}
  }
  return canFillForms(elicitation) ? undefined : {elicitation: {}}
}

/** What a client would have to declare for a question, in words. */
export function neededFor({method, params = {}}: Pick<Request, 'method' | 'params'>): string {
  if (method === 'roots/list') return 'roots'
  if (method !== 'sampling/createMessage') {
    return `elicitation in ${params['mode'] === 'url' ? 'url' : 'form'} mode`
  }
  return params['tools'] === undefined ? 'sampling' : 'sampling with tools'
}

function hasAll(capability: Json | undefined, wanted: JsonObject): boolean {
  return isJsonObject(capability) && Object.keys(wanted).every(key => isJsonObject(capability[key]))
}

/** A client that names neither kind can be sent forms (MCP 2025-11-25, elicitation, capabilities). */
function canFillForms(elicitation: Json | undefined): boolean {
  if (!isJsonObject(elicitation)) return false
  return isJsonObject(elicitation['form']) || elicitation['url'] === undefined
}

/** A server's question as modern clients are asked: they know nothing of ids that elicitations had. */
export function inputRequest({method, params}: Pick<Request, 'method' | 'params'>): JsonObject {
  if (!params) return {method}
  const {elicitationId: _, ...rest} = params
  return {method, params: method === 'elicitation/create' ? rest : params}
}

/** "URL elicitation required" of 2025-11-25, which later revisions do not have. */
const URL_NEEDED = -32_042

/**
 * What a server wants its client to open before it does what was asked (MCP 2025-11-25, error −32042).
 * @returns the questions; none when it says nothing that can be asked; undefined for every other answer
 */
export function urlsNeeded(answer: Response): readonly JsonObject[] | undefined {
  if (isResult(answer) || answer.error.code !== URL_NEEDED) return undefined
  const data = answer.error['data']
  const listed = isJsonObject(data) ? data['elicitations'] : undefined
  if (!Array.isArray(listed)) return []
  const questions = listed
    .slice(0, MOST_QUESTIONS)
    .filter(item => isJsonObject(item))
    .filter(({url, message}) => typeof url === 'string' && typeof message === 'string')
    .map(item => inputRequest({method: 'elicitation/create', params: {...item, mode: 'url'}}))
  return bytesOf(questions) > MOST_ASKED_BYTES ? [] : questions
}

/** An answer without error codes that modern clients do not know. */
export function withKnownError(answer: Response): Response {
  if (isResult(answer)) return answer
  const {error} = answer
  if (error.code === RPC.resourceNotFound) {
    return {...answer, error: {...error, code: RPC.invalidParams}}
  }
  if (error.code === URL_NEEDED) return {...answer, error: {...error, code: RPC.internalError}}
  return answer
}

/** Bytes of something as JSON. */
export function bytesOf(value: Json | readonly Json[]): number {
  return Buffer.byteLength(JSON.stringify(value))
}
