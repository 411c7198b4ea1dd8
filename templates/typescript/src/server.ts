import {McpServer} from '@modelcontextprotocol/server'
import {serveStdio} from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'

// stdout carries the protocol: write to stderr what people should read.
serveStdio(() => {
  const server = new McpServer({name: '@@name@@', version: '0.1.0'})
  server.registerTool(
    'greet',
    {
      description: 'Greets somebody by name.',
      inputSchema: z.object({name: z.string().describe('whom to greet')}),
      annotations: {readOnlyHint: true},
    },
    ({name}) => ({content: [{type: 'text', text: `Hello, ${name}!`}]}),
  )
  return server
})
