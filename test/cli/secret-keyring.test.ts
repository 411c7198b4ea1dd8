import {access, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {missingTools} from '../../scripts/test-tools.ts'
import {addCatalog, sampleImage} from '../support/cli-catalog.ts'
import {connectStdio} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {sessionBus} from '../support/session-bus.ts'

const missing = (await missingTools()).filter(name => /dbus|keyring/.test(name))

/** What tells the program where the bus is. Its home stays docker's. */
function busOnly({env}: {env: Readonly<Record<string, string>>}) {
  const {DBUS_SESSION_BUS_ADDRESS = '', XDG_RUNTIME_DIR = ''} = env
  return {DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR}
}

async function secret(
  cli: DockerCli,
  args: readonly string[],
  options: {env: Readonly<Record<string, string | undefined>>; stdin?: string},
) {
  const {code, stdout, stderr} = await cli.run(['mcp', 'secret', ...args], options)
  return {code, said: stdout + stderr}
}

describe.skipIf(missing.length > 0)(
  'docker mcp secret, with the keyring of a secret service',
  () => {
    test('keeps a secret there, finds it again and removes it', async () => {
      await using bus = await sessionBus()
      await bus.startKeyring()
      await using cli = await dockerCli()
      const env = busOnly(bus)
      const value = 'two\nlines of s3cret\n'
      const set = await secret(cli, ['set', 'brave.api_key'], {env, stdin: value})
      expect(set).toMatchObject({code: 0, said: expect.stringContaining('keyring')})
      expect(await readFile(join(cli.mcpDir, 'secrets.json'), 'utf8')).not.toContain('s3cret')
      await expect(access(join(cli.mcpDir, 'secrets.enc.json'))).rejects.toMatchObject({
        code: 'ENOENT',
      })

      const list = await secret(cli, ['ls'], {env})
      expect(list.said).toMatch(/^brave\.api_key\s+keyring/m)
      expect(list.said).not.toContain('s3cret')
      const file = join(cli.home, 'out.env')
      const exported = await secret(cli, ['export', 'brave.api_key', '--to-env-file', file], {env})
      expect(exported).toMatchObject({code: 0})
      expect(await readFile(file, 'utf8')).toContain('lines of s3cret')

      expect(await secret(cli, ['rm', 'brave.api_key'], {env})).toMatchObject({code: 0})
      expect((await secret(cli, ['ls'], {env})).said).not.toContain('brave.api_key')
    })

    test('keeps a secret elsewhere while the keyring is locked, and says why', async () => {
      await using bus = await sessionBus()
      await bus.startKeyring()
      await bus.lock()
      await using cli = await dockerCli()
      const env = busOnly(bus)
      const set = await secret(cli, ['set', 'brave.api_key'], {env, stdin: 's3cret'})
      expect(set).toMatchObject({code: 0, said: expect.stringContaining('file')})
      expect((await secret(cli, ['ls', '--stores'], {env})).said).toContain('the keyring is locked')
      const wanted = await secret(cli, ['set', 'other', '--store', 'keyring'], {
        env,
        stdin: 's3cret',
      })
      expect(wanted.code).toBe(1)
      expect(wanted.said).toContain('locked')
      expect(wanted.said).not.toContain('s3cret')
    })

    test('keeps nobody from a value elsewhere when it is locked or gone, and is forgotten when told to', async () => {
      await using bus = await sessionBus()
      await bus.startKeyring()
      await using cli = await dockerCli()
      const env = busOnly(bus)
      await secret(cli, ['set', 'show.key'], {env, stdin: 'of the keyring'})
      await bus.lock()
      expect((await secret(cli, ['ls'], {env})).said).toMatch(/^show\.key\s+keyring \(locked\)/m)
      const gone = {env: {DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: cli.home}}
      expect((await secret(cli, ['export', 'show.key'], gone)).code).toBe(1)
      const set = await secret(cli, ['set', 'show.key'], {...gone, stdin: 'of-the-file'})
      expect(set.said).toContain('this value is used until it can')
      const exported = await secret(cli, ['export', 'show.key'], gone)
      expect(exported).toMatchObject({
        code: 0,
        said: expect.stringContaining('show.key=of-the-file\n'),
      })
      expect(exported.said).toContain('secret show.key is taken from file: keyring has it')
      expect((await secret(cli, ['ls'], gone)).said).toMatch(
        /^show\.key\s+keyring \(not usable here\), file/m,
      )
      expect((await secret(cli, ['rm', 'show.key'], gone)).said).toContain('rm --forget show.key')
      const again = await secret(cli, ['rm', 'show.key'], gone)
      expect(again).toMatchObject({code: 1, said: expect.stringContaining('cannot be used here')})
      expect((await secret(cli, ['rm', '--all'], gone)).said).toContain(
        'not removed without --forget: show.key',
      )
      const forgotten = await secret(cli, ['rm', 'show.key', '--forget'], gone)
      expect(forgotten).toMatchObject({
        code: 0,
        said: expect.stringContaining('the value may still be in the keyring'),
      })
      expect((await secret(cli, ['ls'], gone)).said).not.toContain('show.key')
    })

    test('is told how to take a name out of the list of a keyring that is shut', async () => {
      await using bus = await sessionBus()
      await bus.startKeyring()
      await using cli = await dockerCli()
      const env = busOnly(bus)
      await secret(cli, ['set', 'show.key'], {env, stdin: 'of the keyring'})
      const gone = {env: {DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: cli.home}}
      const kept = await secret(cli, ['rm', 'show.key', '--store', 'keyring'], gone)
      const command = 'secret rm --forget show.key --store keyring'
      expect(kept).toMatchObject({
        code: 1,
        said: expect.stringContaining(`docker mcp ${command}\n`),
      })
      const forgotten = await cli.run(['mcp', ...command.split(' ')], gone)
      expect(forgotten.code).toBe(0)
      expect((await secret(cli, ['ls'], {env})).said).not.toContain('show.key')
    })

    test('has its value used by a gateway once it is unlocked', async () => {
      await using bus = await sessionBus()
      await bus.startKeyring()
      await using cli = await dockerCli()
      const env = busOnly(bus)
      const secrets = [{name: 'show.key', env: 'SHOW_KEY'}]
      const image = await sampleImage('everything')
      await addCatalog(cli, {show: {image, secrets, disableNetwork: true}})
      await cli.mcp('server', 'enable', 'show')
      await secret(cli, ['set', 'show.key'], {env, stdin: 'of the keyring'})
      await bus.lock()
      const file = join(cli.home, 'lower.env')
      await writeFile(file, 'show.key=of the file\n', {mode: 0o600})
      await using used = await connectStdio({...cli, env: {...cli.env, ...env}}, [
        `--secrets=keyring:${file}`,
        '--block-secrets=false',
      ])
      expect(await used.text('get-env', {})).toContain('"SHOW_KEY": "of the file"')
      await expect.poll(() => used.stderr()).toContain('the keyring is locked')
      await bus.unlock()
      // It is looked at again after 5 s, and each time after twice as long, up to a minute.
      await expect
        .poll(() => used.text('get-env', {}), {timeout: 180_000, interval: 250})
        .toContain('"SHOW_KEY": "of the keyring"')
    })

    test('says that there is no keyring', async () => {
      await using cli = await dockerCli()
      const env = {DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: cli.home}
      expect((await secret(cli, ['ls', '--stores'], {env})).said).toContain(
        'there is no D-Bus session',
      )
    })
  },
)
