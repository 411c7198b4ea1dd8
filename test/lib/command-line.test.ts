import {Args, Flags, Parser} from '@oclif/core'
import {describe, expect, test} from 'vitest'

import {allCommands} from '../../src/commands/all.ts'
import {ALIASES, LOADERS} from '../../src/commands/index.ts'
import {PluginError} from '../../src/lib/base/errors.ts'
import {
  asksJson,
  booleanFlags,
  checkVariables,
  findCommand,
  parsedCommand,
  usageError,
} from '../../src/lib/command-line.ts'

const COMMANDS = await allCommands()

const names = {
  ids: ['server:ls', 'server:enable', 'server:box:ls', 'tools:call', 'version'],
  aliases: {'server:list': 'server:ls', 'server:add': 'server:enable'},
  topics: new Map([['servers', 'server']]),
}
const find = (...argv: string[]) => findCommand(argv, names)
const usage = (message: string, hint: string) => new PluginError('USAGE', message, {hint})

describe('checkVariables', () => {
  const command = COMMANDS['gateway:run']
  const check = (value: string) => () =>
    command && checkVariables(command, {DOCKER_MCP_BLOCK_SECRETS: value})

  test.each(['', '1', '0', 'true', 'FALSE', 'yes', 'n'])('takes "%s" for on or off', value => {
    expect(check(value)).not.toThrow()
  })

  test.each(['on', 'off', 'garbage', 'true '])(
    'refuses "%s", which would switch a guard off',
    value => {
      const message = 'the variable DOCKER_MCP_BLOCK_SECRETS is neither on nor off'
      expect(check(value)).toThrow(expect.objectContaining({code: 'USAGE', message}))
    },
  )
})

describe('findCommand', () => {
  test.each([
    [['server', 'ls'], 'server:ls', []],
    [['server', 'list', '--format', 'json'], 'server:ls', ['--format', 'json']],
    [['server', 'add', 'a', 'b'], 'server:enable', ['a', 'b']],
    [['version'], 'version', []],
    [['version', 'more'], 'version', ['more']],
    [['-v'], 'version', []],
    [['--version'], 'version', []],
    [['tools', 'call', 'x', '--', '--help'], 'tools:call', ['x', '--', '--help']],
    [['servers', 'ls'], 'server:ls', []],
    [['--format=json', 'servers', 'ls'], 'server:ls', ['--format=json']],
    [['--format', 'json', 'servers', 'ls'], 'server:ls', ['--format', 'json']],
    [['server', '-x', 'ls', 'ls'], 'server:ls', ['-x', 'ls']],
    [['server', '-x=enable', 'ls'], 'server:ls', ['-x=enable']],
    [['server', '--json', 'ls'], 'server:ls', ['--json']],
    [['server', '--format', 'json', 'list', '-x'], 'server:ls', ['--format', 'json', '-x']],
    [['--format=json', 'server', 'ls'], 'server:ls', ['--format=json']],
    [['tools', '-a', 'b', '-c=d', 'call', 'x', 'y'], 'tools:call', ['-a', 'b', '-c=d', 'x', 'y']],
  ] as const)('%j is %s with %j', (argv, id, rest) => {
    expect(find(...argv)).toEqual({kind: 'command', id, argv: rest})
  })

  test.each([
    [[], []],
    [['--help'], []],
    [['-h'], []],
    [['server'], ['server']],
    [['server', '--help'], ['server']],
    [['servers', '-h'], ['server']],
    [
      ['server', '--help', 'ls'],
      ['server', 'ls'],
    ],
    [
      ['server', '-h', 'enable', 'ls'],
      ['server', 'enable'],
    ],
    [
      ['server', 'ls', '--help'],
      ['server', 'ls'],
    ],
    [
      ['server', 'list', '-h'],
      ['server', 'ls'],
    ],
    [
      ['server', 'enable', 'x', '--help'],
      ['server', 'enable'],
    ],
  ] as const)('%j asks for the help of %j', (argv, words) => {
    expect(find(...argv)).toEqual({kind: 'help', words})
  })

  test.each([
    [['srver', 'ls'], 'docker mcp has no command "srver ls"', 'did you mean: docker mcp server ls'],
    [['sever'], 'docker mcp has no command "sever"', 'did you mean: docker mcp server --help'],
    [['verzion'], 'docker mcp has no command "verzion"', 'did you mean: docker mcp version'],
    [['dance'], 'docker mcp has no command "dance"', 'see all of them: docker mcp --help'],
    [
      ['server', 'addd', 'x'],
      'docker mcp has no command "server addd"',
      'did you mean: docker mcp server add',
    ],
    [
      ['--loud'],
      'docker mcp has no flag --loud',
      'flags stand after the command: docker mcp server ls --format json',
    ],
    [
      ['server', '--format=json', 'json', 'ls'],
      'docker mcp server has no flag --format=json',
      'flags stand after the command: docker mcp server ls --format json',
    ],
    [
      ['server', '--', 'ls'],
      'docker mcp server has no flag --',
      'flags stand after the command: docker mcp server ls --format json',
    ],
    [
      ['server', '--store', 'enable', 'ls'],
      'it is not clear which command is meant: docker mcp server enable or docker mcp server ls',
      'flags stand after the command: docker mcp server ls --format json',
    ],
    [
      ['servers', '--profile', 'box', 'ls'],
      'it is not clear which command is meant: docker mcp server box ls or docker mcp server ls',
      'flags stand after the command: docker mcp server ls --format json',
    ],
    [
      ['constructor'],
      'docker mcp has no command "constructor"',
      'see all of them: docker mcp --help',
    ],
    [
      ['server', '-x'],
      'docker mcp server has no flag -x',
      'flags stand after the command: docker mcp server ls --format json',
    ],
  ] as const)('%j is refused: %s', (argv, message, hint) => {
    expect(() => find(...argv)).toThrow(usage(message, hint))
  })
})

function variableOf(flag: string): string {
  return `DOCKER_MCP_${flag.toUpperCase().replaceAll('-', '_')}`
}

describe('the commands', () => {
  test('have aliases of their own, and each alias a command', () => {
    for (const [alias, id] of Object.entries(ALIASES)) {
      expect(Object.keys(LOADERS)).toContain(id)
      expect(Object.keys(LOADERS)).not.toContain(alias)
    }
  })

  test('have a summary for every flag, and no variable of another name', () => {
    for (const [id, command] of Object.entries(COMMANDS)) {
      for (const [name, flag] of Object.entries(command.flags ?? {})) {
        expect({id, name, env: flag.env ?? variableOf(name)}).toEqual({
          id,
          name,
          env: variableOf(name),
        })
        expect(flag.summary, `${id} --${name}`).toMatch(/^[^A-Z].*[^.]$/)
      }
    }
  })

  test('have a variable for everything that a gateway can be told', () => {
    // Either of the two makes the variables of both count no more, which oclif cannot say.
    const own = ['profile', 'profile-file']
    const flags = Object.entries(COMMANDS['gateway:run']?.flags ?? {})
    const without = flags.filter(([name, flag]) => flag.env !== variableOf(name))
    expect(without.map(([name]) => name).toSorted()).toEqual(own)
  })
})

describe('booleanFlags', () => {
  test('are those that are on or off', () => {
    const run = COMMANDS['gateway:run']
    expect(run).toBeDefined()
    const found = run ? booleanFlags(run) : new Set<string>()
    expect([...found]).toEqual(expect.arrayContaining(['watch', 'dry-run', 'log-calls']))
    expect([...found]).not.toContain('port')
  })
})

const definitions = {
  flags: {
    format: Flags.string({options: ['human', 'json']}),
    limit: Flags.integer({min: 1}),
    loud: Flags.boolean(),
    soft: Flags.boolean({exclusive: ['loud']}),
  },
  args: {server: Args.string({required: true}), place: Args.string()},
}

async function refusal(words: readonly string[]): Promise<unknown> {
  const command = {
    name: 'docker mcp x',
    flags: Object.keys(definitions.flags),
    example: 'docker mcp x y',
    help: 'docker mcp x --help',
  }
  return Parser.parse([...words], {...definitions, strict: true}).then(
    () => undefined,
    (error: unknown) => usageError(error, command),
  )
}

describe('usageError', () => {
  const help = 'see what it takes: docker mcp x --help'

  test.each([
    [[], 'docker mcp x needs SERVER', 'for example: docker mcp x y'],
    [['a', 'b', 'c'], 'docker mcp x takes no argument "c"', help],
    [['a', '--fromat', 'json'], 'docker mcp x has no flag --fromat', 'did you mean --format?'],
    [['a', '--no-lout'], 'docker mcp x has no flag --no-lout', 'did you mean --loud?'],
    [['a', '--qqqqqqq'], 'docker mcp x has no flag --qqqqqqq', help],
    [['a', '--format', 'xml'], 'Expected --format=xml to be one of: human, json', help],
    [['a', '--format'], 'Flag --format expects one of these values: human, json', help],
    [['a', '--limit', 'many'], '--limit: Expected an integer but received: many', help],
    [
      ['a', '--limit', '0'],
      '--limit: Expected an integer greater than or equal to 1 but received: 0',
      help,
    ],
    [['a', '--loud', '--soft'], '--loud and --soft exclude each other', help],
  ] as const)('%j: %s', async (words, message, hint) => {
    const error = await refusal(words)
    expect(error).toBeInstanceOf(PluginError)
    expect(error).toMatchObject({code: 'USAGE', message, hint})
  })

  test("leaves errors alone that are not the parser's", () => {
    const error = new Error('other')
    expect(usageError(error, {name: 'x', flags: [], help: ''})).toBe(error)
  })
})

describe('parsedCommand', () => {
  test('knows its name, its flags and an example', () => {
    const command = COMMANDS['tools:call']
    expect(command && parsedCommand('tools:call', command)).toEqual({
      name: 'docker mcp tools call',
      help: 'docker mcp tools call --help',
      flags: ['format', 'gateway-arg', 'version', 'profile', 'profile-file', 'verbose'],
      example: 'docker mcp tools call echo message=hello',
    })
  })
})

describe('asksJson', () => {
  test.each([
    [['server', 'ls', '--format', 'json'], {}, true],
    [['server', 'ls', '--format=json'], {}, true],
    [['server', 'ls', '--format', 'yaml'], {}, false],
    [['server', 'ls'], {}, false],
    [['server', 'ls'], {DOCKER_MCP_FORMAT: 'json'}, true],
    [['server', 'ls', '--format', 'human'], {DOCKER_MCP_FORMAT: 'json'}, false],
    [['tools', 'call', 'x', '--', '--format', 'json'], {}, false],
    [['server', 'ls', '--format'], {}, false],
  ] as const)('%j with %j is %s', (words, env, asked) => {
    expect(asksJson(words, env)).toBe(asked)
  })
})
