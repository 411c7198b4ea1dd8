// The server of the benchmarks, as cheap as one can be, in both eras: `echo` gives its text back, `big` gives so many
// bytes of text.
import {createInterface} from 'node:readline'

const LINE = 'line "42" of a log: GET /a/b?c=d took 12 ms\n'
const texts = new Map()
const inputSchema = {type: 'object'}
const serverInfo = {name: 'echo', version: '1.0.0'}
const capabilities = {tools: {}}
/** What results have in addition that may be kept; the legacy era does not mind. */
const KEPT = {ttlMs: 60_000, cacheScope: 'public'}
const methods = {
  initialize: ({protocolVersion}) => ({protocolVersion, capabilities, serverInfo}),
  'server/discover': () => ({supportedVersions: ['2026-07-28'], capabilities, ...KEPT}),
  // It is of the legacy era alone, so its result gets nothing in addition.
  ping: () => ({}),
  'tools/list': () => ({
    tools: [
      {name: 'echo', description: 'gives its text back', inputSchema},
      {name: 'big', description: 'gives so many bytes of text', inputSchema},
    ],
    ...KEPT,
  }),
}

/** The result of a call, as JSON. */
function call({name, arguments: {text, bytes}}) {
  if (name === 'echo') return JSON.stringify({content: [{type: 'text', text}]})
  const known = texts.get(bytes) ?? JSON.stringify({content: [{type: 'text', text: long(bytes)}]})
  texts.set(bytes, known)
  return known
}

function long(bytes) {
  return LINE.repeat(Math.ceil(bytes / LINE.length)).slice(0, bytes)
}

function answer(id, rest) {
  process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},${rest}}\n`)
}

createInterface({input: process.stdin}).on('line', line => {
  const {id, method, params} = JSON.parse(line)
  if (id === undefined) return
  if (method !== 'tools/call' && !Object.hasOwn(methods, method)) {
    return answer(id, '"error":{"code":-32601,"message":"no such method"}')
  }
  const result = method === 'tools/call' ? call(params) : JSON.stringify(methods[method](params))
  const isModern = params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined
  answer(id, `"result":${isModern ? `{"resultType":"complete",${result.slice(1)}` : result}`)
})
