import type {ReadStream} from 'node:tty'
import {Flags} from '@oclif/core'
import type {App} from './app.ts'
import {serversInput} from './command.ts'
import {openServers, type OpenServers} from './profile/open.ts'
import {openProfileChain} from './profile/secrets.ts'
import {usableStores, type Stores} from './secrets/change.ts'
import {openChain, type SecretChain} from './secrets/chain.ts'
import type {StoreInput} from './secrets/store.ts'
import type {HiddenTerminal} from './ui/hidden-input.ts'

/** `--store`, where one is chosen to write to. */
export const storeFlag = {
  store: Flags.string({
    summary: 'the store to change: keyring, file, pass or credentials',
    helpValue: '<store>',
  }),
}

/** What the commands about secrets are told of stores and profiles. */
export interface StoreFlags {
  readonly secrets?: string | undefined
  readonly profile?: string | undefined
  readonly 'profile-file'?: string | undefined
}

/** The stores that count, and the servers that use what is in them. */
export interface OpenStores extends Stores {
  readonly chain: SecretChain
  readonly open: OpenServers
}

/** Opens the stores that `--secrets`, the profile or the default order name, and the servers of the profile. */
export async function openStores(app: App, flags: StoreFlags): Promise<OpenStores> {
  const open = await openServers(serversInput(app, flags))
  const chain = await openProfileChain(flags.secrets, open.profile, storeInput(app))
  return {...(await usableStores(chain)), chain, open}
}

/** Stores to write to: those of {@link openStores}, and behind them those of the default order. */
export interface ChangeableStores extends OpenStores {
  /** Whether a store is one that counts, by its name. */
  counts(store: string): boolean
}

/** As {@link openStores}, for what changes a store: files that count here may be others' to fill. */
export async function openStoresToChange(app: App, flags: StoreFlags): Promise<ChangeableStores> {
  const opened = await openStores(app, flags)
  const usual = await usableStores(await openChain(undefined, storeInput(app)))
  const isNew = ({name}: {readonly name: string}) => opened.all.every(one => one.name !== name)
  return {
    ...opened,
    all: [...opened.all, ...usual.all.filter(one => one.set && isNew(one))],
    usable: [...opened.usable, ...usual.usable.filter(one => one.set && isNew(one))],
    skipped: [...opened.skipped, ...usual.skipped.filter(isNew)],
    counts: store => opened.all.some(({name}) => name === store),
  }
}

/** Where a person can be asked; undefined when stdin or stderr is no terminal. */
export function terminalOf({process, io}: App): HiddenTerminal | undefined {
  const stdin: ReadStream = process.stdin
  return stdin.isTTY && io.errIsTerminal ? {stdin, stderr: process.stderr} : undefined
}

/** What stores are opened with in a command of a person, who can be asked for a passphrase. */
export function storeInput(app: App): StoreInput {
  const {paths, env, cwd} = app
  const terminal = terminalOf(app)
  const {settings, notify} = serversInput(app)
  return {
    paths,
    env,
    cwd,
    settings,
    notify,
    ...(terminal && {
      askHidden: async (question: string) => {
        const {askHidden} = await import('./ui/hidden-input.ts')
        return askHidden(terminal, question)
      },
    }),
  }
}
