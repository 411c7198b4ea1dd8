import type {CommandClass} from '../lib/command.ts'
import {ALIASES, LOADERS} from './index.ts'

/** Loads all command classes, for help and completion. */
export async function allCommands(): Promise<Readonly<Record<string, CommandClass>>> {
  return Object.fromEntries(
    await Promise.all(
      Object.entries(LOADERS).map(async ([id, load]) => [
        id,
        withAliases(id, (await load()).default),
      ]),
    ),
  )
}

function withAliases(id: string, command: CommandClass): CommandClass {
  command.aliases = Object.keys(ALIASES).filter(alias => ALIASES[alias] === id)
  return command
}
