import {isJsonObject, type Json, type JsonObject} from '../../src/lib/base/json.ts'
import {
  answerTo,
  capabilitiesFor,
  Refusal,
  type Answers,
  type AskOptions,
  type EraClient,
} from './era-client.ts'
import {Inbox} from './inbox.ts'
import {HttpWire} from './raw-wires.ts'

/** A client of revision 2025-11-25 over streamable HTTP, with one session. */
export class LegacyClient implements EraClient {
  readonly era = 'legacy'
  readonly notices = new Inbox<JsonObject>()
  readonly #answers: Answers
  readonly #wire: HttpWire
  readonly #arrived = new Inbox<JsonObject>()
  #lastId = 0

  private constructor(url: string, answers: Answers) {
    this.#answers = answers
    this.#wire = new HttpWire(url, message => this.#receive(message))
  }

  /** Opens the session, and listens to what belongs to no request. */
  static async open(url: string, answers: Answers): Promise<LegacyClient> {
    const client = new LegacyClient(url, answers)
    await client.ask('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: capabilitiesFor(answers),
      clientInfo: {name: 'legacy-client', version: '1'},
    })
    await client.#send({method: 'notifications/initialized'})
    await client.#wire.listen()
    return client
  }

  async ask(
    method: string,
    params: JsonObject = {},
    {signal}: AskOptions = {},
  ): Promise<JsonObject> {
    const id = ++this.#lastId
    const cancel = () =>
      void this.#send({method: 'notifications/cancelled', params: {requestId: id}})
    signal?.addEventListener('abort', cancel)
    await this.#send({id, method, params})
    const {result, error} = await this.#arrived.find(message => message['id'] === id)
    signal?.removeEventListener('abort', cancel)
    if (isJsonObject(result)) return result
    throw new Refusal(isJsonObject(error) ? error : {})
  }

  async setLevel(level: string): Promise<void> {
    await this.ask('logging/setLevel', {level})
  }

  async watch(uris: readonly string[]): Promise<void> {
    for (const uri of uris) await this.ask('resources/subscribe', {uri})
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#wire[Symbol.asyncDispose]()
  }

  #receive(message: JsonObject): void {
    const {id, method} = message
    if (method === undefined) this.#arrived.add(message)
    else if (id === undefined) this.notices.add(message)
    else void this.#answer(id, method)
  }

  #answer(id: Json, method: Json): Promise<void> {
    const result = method === 'ping' ? {} : answerTo(this.#answers, method)
    if (result) return this.#send({id, result})
    return this.#send({id, error: {code: -32601, message: 'This client does not do that'}})
  }

  #send(message: JsonObject): Promise<void> {
    return this.#wire.send({jsonrpc: '2.0', ...message})
  }
}
