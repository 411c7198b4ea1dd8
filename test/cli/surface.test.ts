import {expect, test} from 'vitest'

import {allCommands} from '../../src/commands/all.ts'
import type {CommandClass} from '../../src/lib/command.ts'

const COMMANDS = await allCommands()

/** A command's names, arguments and flags, as scripts of users depend on them. */
function surfaceOf(id: string, command: CommandClass): string {
  const names = [id, ...command.aliases].map(name => name.replaceAll(':', ' '))
  const args = Object.entries(command.args).map(([name, {required, default: byDefault}]) => {
    const facts = [required ? 'required' : 'optional', ...defaultOf(byDefault)]
    return `  ${name}: ${facts.join(', ')}`
  })
  const flags = Object.entries(command.flags ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => `  --${name}: ${flagFacts(flag).join(', ')}`)
  const rest = command.strict ? [] : ['  any number of arguments']
  return [names.join(' | '), ...args, ...rest, ...flags].map(line => `${line}\n`).join('')
}

function flagFacts(flag: NonNullable<CommandClass['flags']>[string]): readonly string[] {
  const kind =
    flag.type === 'boolean'
      ? [flag.allowNo ? 'on or off' : 'on']
      : [flag.options?.join('|') ?? 'text', ...(flag.multiple ? ['repeatable'] : [])]
  return [
    ...kind,
    ...defaultOf(flag.default),
    ...(flag.required ? ['required'] : []),
    ...(flag.hidden ? ['hidden'] : []),
    flag.env ?? 'no variable',
  ]
}

function defaultOf(value: unknown): readonly string[] {
  if (value === undefined || value === false) return []
  if (typeof value === 'function') return ['default by what else is said']
  return [`default ${JSON.stringify(value).replaceAll('"', '')}`]
}

// A change of this file is a change that users notice: say it in the commit.
test('commands, aliases, arguments and flags are those of the snapshot', async () => {
  const surface = Object.entries(COMMANDS).map(([id, command]) => surfaceOf(id, command))
  await expect(surface.join('\n')).toMatchFileSnapshot('surface.txt')
})
