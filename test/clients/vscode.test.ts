import {mkdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Validator, type Schema} from '@cfworker/json-schema'
import {describe, expect, test} from 'vitest'
import {dockerCli} from '../support/docker-cli.ts'

/**
 * What VS Code takes as mcp.json, as far as entries can differ: after the schema that it publishes
 * (microsoft/vscode, workbench/contrib/mcp/common/mcpConfiguration.ts, commit 0b37532c). Nothing else is allowed in it.
 */
const SCHEMA: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    servers: {
      additionalProperties: {
        oneOf: [
          {
            type: 'object',
            additionalProperties: false,
            properties: {
              type: {enum: ['stdio']},
              command: {type: 'string'},
              cwd: {type: 'string'},
              args: {type: 'array', items: {type: 'string'}},
              envFile: {type: 'string'},
              env: {additionalProperties: {type: ['null', 'string', 'number']}},
              dev: {type: 'object'},
            },
          },
          {
            type: 'object',
            additionalProperties: false,
            required: ['url'],
            properties: {
              type: {enum: ['http', 'sse']},
              url: {type: 'string', format: 'uri', pattern: '^https?:\\/\\/.+'},
              headers: {type: 'object', additionalProperties: {type: 'string'}},
              dev: {type: 'object'},
            },
          },
        ],
      },
    },
    inputs: {type: 'array'},
  },
}
const URL_FLAGS = ['--url', 'http://127.0.0.1:8811/mcp'] as const

describe('the mcp.json of VS Code is valid by its own schema', () => {
  test.for([
    ['that starts the gateway', 'vscode', []],
    ['with an address', 'vscode', URL_FLAGS],
    ['with an address and a token', 'vscode', [...URL_FLAGS, '--token', 'otter-otter-otter']],
    ['with a variable for the token', 'vscode', [...URL_FLAGS, '--token-env', 'MCP_TOKEN']],
    ['of the Insiders', 'vscode-insiders', []],
    ['of VSCodium', 'vscodium', []],
    ['of the server', 'vscode-server', []],
  ] as const)('%s', async ([, client, flags]) => {
    await using cli = await dockerCli()
    await cli.mcp('client', 'connect', client, '--global', ...flags)
    await valid(join(cli.home, FILES[client]))
  })

  test('of a repository', async () => {
    await using cli = await dockerCli()
    const repository = join(cli.home, 'project')
    await mkdir(join(repository, '.git'), {recursive: true})
    const {code} = await cli.run(['mcp', 'client', 'connect', 'vscode'], {cwd: repository})
    expect(code).toBe(0)
    await valid(join(repository, '.vscode/mcp.json'))
  })

  test('and a wrong one is not', () => {
    const wrong = {servers: {MCP_DOCKER: {command: 'docker', url: 'http://127.0.0.1/mcp'}}}
    expect(new Validator(SCHEMA).validate(wrong).valid).toBe(false)
  })
})

const FILES = {
  vscode: '.config/Code/User/mcp.json',
  'vscode-insiders': '.config/Code - Insiders/User/mcp.json',
  vscodium: '.config/VSCodium/User/mcp.json',
  'vscode-server': '.vscode-server/data/User/mcp.json',
}

async function valid(file: string): Promise<void> {
  const value: unknown = JSON.parse(await readFile(file, 'utf8'))
  expect(value).toHaveProperty('servers.MCP_DOCKER')
  expect(new Validator(SCHEMA).validate(value)).toMatchObject({valid: true, errors: []})
}
