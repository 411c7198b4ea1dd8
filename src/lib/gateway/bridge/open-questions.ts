import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import type {Asker} from '../relay/server-requests.ts'
import {failure, result, RPC, type Id, type Request} from '../wire/jsonrpc.ts'
import {MOST_ASKED_BYTES, MOST_QUESTIONS} from './questions.ts'

interface Question {
  readonly from: Asker
  readonly id: Id
  /** As the client is asked. */
  readonly asked: JsonObject
  readonly bytes: number
}

/** What a server has asked for one call and was not answered yet, by the keys that the client knows it by. */
export class OpenQuestions {
  readonly #questions = new Map<string, Question>()
  readonly #onGone: (bytes: number) => void
  /** What the client has said to `roots/list`: it is asked that once. */
  #roots: JsonObject | undefined
  #lastKey = 0

  /** @param onGone told of the bytes of each question that is no longer open */
  constructor(onGone: (bytes: number) => void) {
    this.#onGone = onGone
  }

  get size(): number {
    return this.#questions.size
  }

  get isFull(): boolean {
    return this.#questions.size >= MOST_QUESTIONS
  }

  add(question: Question): void {
    this.#questions.set(String(++this.#lastKey), question)
  }

  /** Answers what the client has answered before. @returns whether that is so */
  repeat(from: Asker, {id, method}: Request): boolean {
    if (method !== 'roots/list' || !this.#roots) return false
    from.respond(result(id, this.#roots))
    return true
  }

  /** The server no longer wants to know. */
  withdraw(from: Asker, id: unknown): void {
    for (const [key, question] of this.#questions) {
      if (question.from === from && question.id === id) this.#forget(key, question)
    }
  }

  /** As many as fit into one answer to a client; the others come after these. */
  fitting(): JsonObject {
    const inputRequests: JsonObject = {}
    let left = MOST_ASKED_BYTES
    for (const [key, {asked, bytes}] of this.#questions) {
      left -= bytes
      if (left < 0) break
      inputRequests[key] = asked
    }
    return inputRequests
  }

  /**
   * Passes a client's answers on.
   * @param open the keys that it was given; an answer to any other one is none
   */
  answer(open: ReadonlySet<string>, given: Json | undefined): void {
    if (!isJsonObject(given)) return
    for (const [key, question] of this.#questions) {
      const value = open.has(key) && Object.hasOwn(given, key) ? given[key] : undefined
      if (!isJsonObject(value)) continue
      if (question.asked['method'] === 'roots/list') this.#roots = value
      this.#reply(key, question, value)
    }
    if (!this.#roots) return
    // The same may have been asked again while the client was away.
    for (const [key, question] of this.#questions) {
      if (question.asked['method'] === 'roots/list') this.#reply(key, question, this.#roots)
    }
  }

  /** Nobody will answer. */
  refuse(why: string): void {
    for (const [key, question] of this.#questions) {
      this.#forget(key, question)
      question.from.respond(failure(question.id, RPC.internalError, why))
    }
  }

  #reply(key: string, question: Question, value: JsonObject): void {
    this.#forget(key, question)
    question.from.respond(result(question.id, value))
  }

  #forget(key: string, {bytes}: Question): void {
    this.#questions.delete(key)
    this.#onGone(bytes)
  }
}
