import {execFileSync} from 'node:child_process'
import {mkdtemp, readdir, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {dockerCli, PROGRAM} from '../support/docker-cli.ts'

const SCRIPT = join(import.meta.dirname, '..', 'fixtures', 'user-systemd.sh')

/** Namespaces, a group of processes and a systemd of one's own are for root on a machine that has them. */
function canRunSystemd(): boolean {
  try {
    execFileSync('unshare', [
      '--mount',
      '--pid',
      '--fork',
      '--mount-proc',
      'sh',
      '-c',
      'test -S /run/docker.sock && test -x /lib/systemd/systemd && umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup',
    ])
    return true
  } catch {
    return false
  }
}

/** What a person types, one after the other; a line in front of each says which. */
const TYPED = `
set -e
say() { printf '== %s\\n' "$1"; }
pid() { docker mcp gateway status --format json | sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p'; }
other() { while [ -z "$(pid)" ] || [ "$(pid)" = "$1" ]; do sleep 0.2; done; }
say install
docker mcp gateway install-service --name 100 --servers everything
other none
say active
systemctl --user is-active docker-mcp-gateway-100
systemctl --user is-enabled docker-mcp-gateway-100
first=$(pid)
say killed
kill -9 "$first"
other "$first"
systemctl --user is-active docker-mcp-gateway-100
say again
docker mcp gateway install-service --name 100 --servers everything
say taken
docker mcp gateway start --name other --servers everything > other.txt
port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\).*/\\1/p' other.txt)
code=0
docker mcp gateway install-service --name taken --servers everything --port "$port" 2> taken.txt || code=$?
echo "exit code $code, $(grep -c 'does not come up' taken.txt) time why"
systemctl --user show --property NRestarts,StartLimitIntervalUSec docker-mcp-gateway-taken
docker mcp gateway uninstall-service --name taken
docker mcp gateway stop --name other
say stop
docker mcp gateway stop --name 100
while systemctl --user is-active --quiet docker-mcp-gateway-100; do sleep 0.1; done
say asked
echo '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}' |
  docker mcp gateway connect --name 100 > asked.txt
echo "$(grep -c '"id":1,"result"' asked.txt) answer"
systemctl --user is-active docker-mcp-gateway-100
first=$(pid)
docker mcp gateway restart --name 100 > again.txt
other "$first"
systemctl --user is-active docker-mcp-gateway-100
docker mcp gateway stop --name 100
say reboot
systemctl --user start default.target docker-mcp-gateway-100
other none
say uninstall
docker mcp gateway uninstall-service --name 100
docker mcp gateway status
`

describe('a service of systemd', () => {
  test.skipIf(!canRunSystemd())(
    'is started, started again when it is killed, stopped and removed',
    async () => {
      await using cli = await dockerCli()
      const scratch = await mkdtemp(join(tmpdir(), 'user-systemd-'))
      try {
        const {code, stdout, stderr} = await cli.run(
          ['--mount', '--pid', '--fork', '--mount-proc', SCRIPT, scratch, TYPED],
          {program: 'unshare', cwd: cli.home},
        )
        expect({code, stderr}).toEqual({code: 0, stderr: ''})
        const file = join(cli.home, '.config/systemd/user/docker-mcp-gateway-100.service')
        expect(stdout).toBe(`== install
${file} is written
gateway 100 runs as a service
== active
active
enabled
== killed
active
== again
${file} is as it was
gateway 100 runs as a service
== taken
${file.replace('100', 'taken')} is written
exit code 1, 1 time why
NRestarts=0
StartLimitIntervalUSec=0
${file.replace('100', 'taken')} is removed
gateway other is stopped
== stop
gateway 100 is stopped
== asked
1 answer
active
active
gateway 100 is stopped
== reboot
== uninstall
${file} is removed
No gateway runs.
`)
        await cli.gone()
      } finally {
        await rm(scratch, {recursive: true, force: true})
      }
    },
  )

  test('has the flags that variables say', async () => {
    await using cli = await dockerCli()
    const {stdout} = await cli.run(['mcp', 'gateway', 'install-service', '--print'], {
      env: {
        DOCKER_MCP_PROFILE: 'work',
        DOCKER_MCP_TRANSPORT: 'streaming',
        DOCKER_MCP_PORT: '9000',
        DOCKER_MCP_CLIENT: 'cursor',
      },
    })
    expect(stdout).toMatch(
      /"run" "--transport=streaming" "--port=9000" "--profile=work" .*"--name" "work"\n/,
    )
    expect(stdout).not.toContain('cursor')
  })

  test('has the proxies and certificates that there are, in capitals or not, and no password', async () => {
    await using cli = await dockerCli()
    const env = {
      https_proxy: 'http://prox.invalid:3128',
      ALL_PROXY: 'http://all.invalid:1',
      http_proxy: 'http://u:hunter2@prox.invalid:1',
      SSL_CERT_DIR: '/certs',
    }
    const words = ['mcp', 'gateway', 'install-service', '--print', '--platform', 'linux']
    const {stdout} = await cli.run(words, {env})
    expect(stdout).toContain('Environment="https_proxy=http://prox.invalid:3128"\n')
    expect(stdout).toContain('Environment="ALL_PROXY=http://all.invalid:1"\n')
    expect(stdout).toContain('Environment="SSL_CERT_DIR=/certs"\n')
    expect(stdout).not.toContain('hunter2')
  })

  test('starts the gateway on Windows, whatever a context is called', async () => {
    await using cli = await dockerCli()
    const {stdout} = await cli.run(
      ['--context', 'mcp', 'mcp', 'gateway', 'install-service', '--print', '--platform', 'windows'],
      {program: PROGRAM},
    )
    expect(stdout).toMatch(/--context mcp mcp gateway start .*--name default/)
  })

  test('is refused with a password, before anything is written', async () => {
    await using cli = await dockerCli()
    const address = 'https://u:hunter2@registry.invalid/x'
    for (const {args, env, named} of [
      {args: ['--mcp-registry', address], env: {}, named: '--mcp-registry'},
      {args: [], env: {DOCKER_MCP_MCP_REGISTRY: address}, named: '--mcp-registry'},
      {args: [], env: {DOCKER_HOST: 'tcp://u:hunter2@127.0.0.1:1'}, named: 'DOCKER_HOST'},
    ]) {
      const {code, stdout, stderr} = await cli.run(
        ['mcp', 'gateway', 'install-service', '--print', ...args],
        // docker itself looks at DOCKER_HOST first.
        {env, program: PROGRAM},
      )
      expect({code, stdout}).toEqual({code: 125, stdout: ''})
      expect(stderr).toContain(`${named} holds a password`)
      expect(stderr).not.toContain('hunter2')
    }
  })

  test('that the system does not take leaves all as it was', async () => {
    await using cli = await dockerCli()
    const start = await cli.mcp('gateway', 'start', '--servers', 'everything')
    const [, pid] = /process id (\d+)/.exec(start) ?? []
    const {code, stdout, stderr} = await cli.run(['mcp', 'gateway', 'install-service'], {
      env: {XDG_RUNTIME_DIR: join(cli.home, 'none'), DBUS_SESSION_BUS_ADDRESS: undefined},
    })
    expect({code, stdout}).toEqual({code: 1, stdout: ''})
    expect(stderr).toContain('the system takes no service')
    expect(await cli.mcp('gateway', 'status')).toMatch(new RegExp(`default +${pid} `))
    const units = await readdir(join(cli.home, '.config/systemd/user')).catch(() => [])
    expect(units).toEqual([])
    expect(await readdir(join(cli.mcpDir, 'state/background'))).not.toContain('default.service')
    await cli.mcp('gateway', 'stop')
    await cli.gone()
  })
})
