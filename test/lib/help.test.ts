import {describe, expect, test} from 'vitest'

import packageJson from '../../package.json' with {type: 'json'}
import {allCommands} from '../../src/commands/all.ts'
import {helpText} from '../../src/lib/help.ts'

const COMMANDS = await allCommands()

const help = (words: readonly string[], columns = 80) =>
  helpText(words, {commands: COMMANDS, topics: packageJson.oclif.topics, columns})

describe('helpText', () => {
  test('of the program lists every topic once, fits a screen, and says what MCP is', () => {
    const text = help([])
    const words = new Set(
      Object.entries(COMMANDS).flatMap(([id, {hidden}]) => (hidden ? [] : [id.split(':')[0]])),
    )
    for (const word of words) {
      expect([...text.matchAll(new RegExp(`^  ${word} +\\S`, 'gm'))]).toHaveLength(1)
    }
    expect(text.split('\n').length).toBeLessThanOrEqual(40)
    expect(text).toContain('MCP (Model Context Protocol) is')
    expect(text).toContain('First steps:\n')
  })

  test('of a topic lists its commands without their aliases', () => {
    const text = help(['template'])
    expect(text).toBe(
      [
        'Usage:  docker mcp template COMMAND',
        '',
        'begin with servers that are often used together',
        '',
        'Commands:',
        '  ls    list sets of servers to begin a profile with',
        '  use   make a profile with the servers of a template',
        '',
        'See what a command takes with docker mcp template COMMAND --help.',
        '',
      ].join('\n'),
    )
  })

  test('of a command has everything, in the order of docker', () => {
    expect(help(['server', 'search'])).toBe(
      [
        'Usage:  docker mcp server search [WORDS...] [FLAGS]',
        '',
        'find servers in the catalogs; without words, list all',
        '',
        'Arguments:',
        '  [WORDS...]   what to look for, in any order',
        '',
        'Flags:',
        '  --format human|json|yaml   how to print (default human)',
        '  --limit <number>           show at most so many (default 100)',
        '',
        'Examples:',
        '  docker mcp server search database',
        '  docker mcp server search "web page" --limit 5',
        '',
        'Every flag has an environment variable, too: DOCKER_MCP_FORMAT is --format.',
        '',
      ].join('\n'),
    )
  })

  test('groups the flags of gateway run, and marks what is on and what is not built', () => {
    const text = help(['gateway', 'run'])
    const headings = text.split('\n').filter(line => /^\S.*:$/.test(line))
    expect(headings).toEqual([
      'Flags:',
      'Flags for limits and safety:',
      'Flags for how long containers live:',
      'Flags for other files than the configured ones:',
      'Not built yet (taken, without effect):',
      'Examples:',
    ])
    expect(text).toMatch(/--\[no-\]log-calls .*\(default on\)/)
    expect(text).toContain('--idle-timeout <seconds>')
  })

  test('shows the short form of every flag that has one', () => {
    expect(help(['client', 'connect'])).toMatch(/^  -g, --global +the file of the user/m)
    expect(help(['client', 'connect'])).toMatch(/^  -p, --profile <id> +the profile/m)
    const short = Object.entries(COMMANDS).flatMap(([id, {flags = {}}]) =>
      Object.entries(flags).flatMap(([name, {char, hidden}]) =>
        char === undefined || hidden === true ? [] : [[id, `  -${char}, --${name}`] as const],
      ),
    )
    expect(short.length).toBeGreaterThan(5)
    for (const [id, row] of short) expect(help(id.split(':'))).toContain(`\n${row}`)
  })

  test.each([40, 80, 200])('keeps to %d columns, and to 100 at most', columns => {
    const longest = Math.min(columns, 100)
    for (const id of Object.keys(COMMANDS)) {
      const prose = help(id.split(':'), columns)
        .split('\n')
        .filter(line => /^\S.* .*[^:]$/.test(line) && !line.startsWith('Usage:'))
      for (const line of prose) expect(line.length).toBeLessThanOrEqual(longest)
    }
  })
})
