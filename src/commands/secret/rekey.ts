import {Flags} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {PluginCommand} from '../../lib/command.ts'
import {storeInput, terminalOf} from '../../lib/secret-door.ts'
import type {KeyTarget} from '../../lib/secrets/key-sources.ts'

export default class SecretRekey extends PluginCommand {
  static override summary = 'encrypt the file of secrets anew, with a new key'
  static override description =
    'Until the new file is in its place, the old one and its key are good. Without a flag it gets a new key of the kind that a new file would have: a key file or passphrase that is set, else the keyring, else secrets.key beside it.'
  static override examples = [
    '<%= config.bin %> secret rekey --passphrase',
    '<%= config.bin %> secret rekey --key-file ~/keys/docker-mcp.key',
    '<%= config.bin %> secret rekey --own-key',
  ]
  static override flags = {
    'key-file': Flags.string({
      summary: 'a file of 32 or more random bytes, which you keep',
      helpValue: '<file>',
      exclusive: ['passphrase', 'keyring', 'own-key'],
    }),
    passphrase: Flags.boolean({
      summary: 'a passphrase: of DOCKER_MCP_SECRETS_NEW_PASSPHRASE, or what you type',
      exclusive: ['key-file', 'keyring', 'own-key'],
    }),
    keyring: Flags.boolean({
      summary: 'a key that is made now and kept in the keyring of the system',
      exclusive: ['key-file', 'passphrase', 'own-key'],
    }),
    'own-key': Flags.boolean({
      summary: 'a key that is made now and kept in secrets.key beside the file',
      exclusive: ['key-file', 'passphrase', 'keyring'],
    }),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(SecretRekey)
    const {reencrypt} = await import('../../lib/secrets/encrypted-file.ts')
    const {keyringVault} = await import('../../lib/secrets/keyring-vault.ts')
    const input = storeInput(this.app)
    let kind: KeyTarget['kind'] | undefined
    const target = async () => {
      const made = await this.#target(flags)
      kind = made.kind
      return made
    }
    await reencrypt(input, target, keyringVault(input))
    if (kind) this.app.io.err(`encrypted anew, ${WITH[kind]}\n`)
  }

  async #target(flags: {
    readonly 'key-file'?: string | undefined
    readonly passphrase: boolean
    readonly keyring: boolean
    readonly 'own-key': boolean
  }): Promise<KeyTarget> {
    const path = flags['key-file']
    if (path !== undefined) return {kind: 'key-file', path}
    if (flags.passphrase) return {kind: 'passphrase', passphrase: await this.#newPassphrase()}
    if (flags.keyring) return {kind: 'keyring'}
    if (flags['own-key']) return {kind: 'own-key'}
    const [{KeySources}, {keyringVault}] = await Promise.all([
      import('../../lib/secrets/key-sources.ts'),
      import('../../lib/secrets/keyring-vault.ts'),
    ])
    const input = storeInput(this.app)
    return new KeySources(input, keyringVault(input)).firstTarget()
  }

  /** @throws PluginError USAGE when there is nobody to ask, or what was typed differs */
  async #newPassphrase(): Promise<string> {
    const given = this.app.env[NEW_PASSPHRASE]
    if (given) return given
    const terminal = terminalOf(this.app)
    if (!terminal) {
      throw new PluginError('USAGE', 'there is no terminal to ask for the new passphrase at', {
        hint: `give it in the variable ${NEW_PASSPHRASE}`,
      })
    }
    const {askHidden} = await import('../../lib/ui/hidden-input.ts')
    const first = await askHidden(terminal, 'new passphrase (not shown): ')
    const second = await askHidden(terminal, 'the same once more: ')
    if (first === second) return first
    throw new PluginError('USAGE', 'the two are not the same, and nothing was changed', {
      hint: 'try again',
    })
  }
}

const NEW_PASSPHRASE = 'DOCKER_MCP_SECRETS_NEW_PASSPHRASE'

const WITH: Readonly<Record<KeyTarget['kind'], string>> = {
  'key-file': 'with the key file, which every gateway needs from now on',
  passphrase:
    'with the passphrase: give it to gateways in DOCKER_MCP_SECRETS_PASSPHRASE or DOCKER_MCP_SECRETS_PASSPHRASE_FILE',
  keyring: 'with a new key in the keyring',
  'own-key': 'with a new key in secrets.key beside it',
}
