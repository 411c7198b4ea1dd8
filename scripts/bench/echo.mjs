// The server of the benchmarks, as cheap as one can be: `echo` gives its text back, `big` gives so many bytes of text.
import {createInterface} from 'node:readline'

const LINE = 'line "42" of a log: GET /a/b?c=d took 12 ms\n'
const texts = new Map()
const inputSchema = {type: 'object'}
const methods = {
  initialize: ({protocolVersion}) => ({
    protocolVersion,
    capabilities: {tools: {}},
    serverInfo: {name: 'echo', version: '1.0.0'},
  }),
  ping: () => ({}),
  'tools/list': () => ({
    tools: [
      {name: 'echo', description: 'gives its text back', inputSchema},
      {name: 'big', description: 'gives so many bytes of text', inputSchema},
    ],
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

createInterface({input: process.stdin}).on('line', line => {
  const {id, method, params} = JSON.parse(line)
  if (id === undefined) return
  const result = method === 'tools/call' ? call(params) : JSON.stringify(methods[method](params))
  process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":${result}}\n`)
})
