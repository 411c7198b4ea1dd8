import {describe, expect, test} from 'vitest'
import {parseAllowRule} from '../../../src/lib/model/allow-rule.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'
import {networkWish, securityWish} from '../../../src/lib/model/isolation.ts'

/** What a catalog with this one entry says about it. */
function parse(entry: object) {
  const {catalog, problems} = parseCatalog({registry: {x: {image: 'mcp/x', ...entry}}}, 'c.yaml')
  const found = problems.map(({kind, path, message}) => `${kind} ${path} ${message}`)
  return {server: catalog.servers.get('x'), problems: found}
}

const CAPABILITIES =
  'AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, NET_RAW, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT'
const remote = (url: string) => ({remote: {url}})
const secret = (env: string, file?: string | boolean) => ({name: `x.${env}`, env, file})

describe('the keys of isolation', () => {
  test.each([
    [
      {allowHosts: ['a:1', 'api.example.com']},
      'allowHosts.1 "api.example.com" has no port: write host:port',
    ],
    [
      {allowHosts: ['a:1\n! b']},
      'allowHosts.0 "a:1?! b" has a port that is not a number from 1 to 65535',
    ],
    [
      {allowHosts: [`${'a'.repeat(200)}:1`]},
      `allowHosts.0 "${'a'.repeat(100)}…" has a host that is neither a name nor an address`,
    ],
    [{allowHosts: [{}]}, 'allowHosts.0 must be text'],
    [
      {allowHosts: Array.from({length: 64}, (_, port) => `a:${port + 1}`)},
      'allowHosts has more than 63 different ports',
    ],
    [{extraHosts: ['db:10.0.0.1', 'db']}, 'extraHosts.1 "db" has no address: write name:address'],
    [
      {extraHosts: ['db:x']},
      'extraHosts.0 "db:x" has no IP address behind the name, nor host-gateway',
    ],
    [{connectTo: ['db', '-x']}, 'connectTo.1 "-x" is not the name of a container'],
    [{connectTo: ['d']}, 'connectTo.0 "d" is not the name of a container'],
    [{connectTo: ['a/b']}, 'connectTo.0 "a/b" is not the name of a container'],
    [{connectTo: ['../x']}, 'connectTo.0 "../x" is not the name of a container'],
    [
      {connectTo: ['a'.repeat(256)]},
      `connectTo.0 "${'a'.repeat(100)}…" is not the name of a container`,
    ],
    [{security: 'Strict'}, 'security must be default or strict'],
    [{security: 'privileged'}, 'security must be default or strict'],
    [{readOnly: 'yes'}, 'readOnly must be true or false'],
    [
      {capAdd: ['CHOWN', 'SYS_ADMIN']},
      `capAdd.1 "SYS_ADMIN" is not a capability that a server can be given: the choice is among ${CAPABILITIES}`,
    ],
    [
      {capAdd: ['all']},
      `capAdd.0 "all" is not a capability that a server can be given: the choice is among ${CAPABILITIES}`,
    ],
    [{tmpfs: ['/tmp', 'var']}, 'tmpfs.1 "var" does not start with an absolute path'],
    [{tmpfs: ['/tmp:exec', '/run', '/tmp/']}, 'tmpfs.2 has the path of another one'],
    [{secrets: [secret('A', false)]}, 'secrets.0.file must be true or a plain file name'],
    [{secrets: [secret('A', '')]}, 'secrets.0.file must be true or a plain file name'],
    [{secrets: [secret('A', '../a')]}, 'secrets.0.file must be true or a plain file name'],
    [{secrets: [secret('A', '.a')]}, 'secrets.0.file must be true or a plain file name'],
    [{secrets: [secret('A', 'a/b')]}, 'secrets.0.file must be true or a plain file name'],
    [{secrets: [secret('a/b', true)]}, 'secrets.0.file must be a plain file name'],
    [
      {secrets: [secret('A', 'key'), secret('B'), secret('C', 'key')]},
      'secrets.0.file "key" is the file of another secret, too',
    ],
    [
      {secrets: [secret('B', 'A'), secret('A_FILE', true)]},
      'secrets.0.file "A" is the file of another secret, too',
    ],
    [
      {secrets: [secret('A_FILE', 'a'), secret('A', 'b')]},
      'secrets.0.file its variable A_FILE is that of another secret, too',
    ],
    [
      {secrets: [secret('A'), secret('A', true)]},
      'secrets.1.file its variable A is that of another secret, too',
    ],
    [
      {secrets: [secret('A_FILE'), secret('A', true)]},
      'secrets.1.file its variable A_FILE is that of another secret, too',
    ],
    [
      {resources: {limits: {disk: 'much'}}},
      'resources.limits.disk is not a size such as 512m or 2g',
    ],
    [{resources: {limits: {disk: 0}}}, 'resources.limits.disk is not a size such as 512m or 2g'],
    [{resources: {limits: {cpu: 'all'}}}, 'resources.limits.cpu must be a number of processors'],
    [remote('http://localhost:0/mcp'), 'remote.url has a port that is not from 1 to 65535'],
    [
      remote('http://localhost:3128/mcp'),
      "remote.url names port 3128, which the gateway's proxy has in the container",
    ],
    [
      {...remote('http://localhost:443/mcp'), allowHosts: ['a:80', 'b:443']},
      'allowHosts.1 "b:443" needs port 443 in the container, where the server listens, as its remote.url says',
    ],
    [
      {allowHosts: ['*:3128']},
      `allowHosts.0 "*:3128" needs port 3128 in the container, which the gateway's proxy has: name a host`,
    ],
  ])('refuse %j', (entry, problem) => {
    expect(parse(entry)).toEqual({server: undefined, problems: [`invalid ${problem}`]})
  })

  test.each([
    {allowHosts: []},
    {allowHosts: Array.from({length: 63}, (_, port) => `a:${port + 1}`)},
    {extraHosts: ['db:host-gateway', 'six:[::1]']},
    {connectTo: ['db', 'a'.repeat(255)]},
    {security: 'default', readOnly: false},
    {capAdd: ['cap_net_raw']},
    {tmpfs: ['/tmp:size=64m', '/run']},
    {secrets: [secret('A', 'a'), secret('B', true), secret('C'), secret('D_FILE', true)]},
    {resources: {limits: {cpus: 1, cpu: '0.5', disk: '1g'}}},
    remote('http://localhost:8080/mcp'),
    remote('https://example.com'),
    {...remote('http://localhost:{{x.port}}/mcp'), allowHosts: ['a:443']},
  ])('take %j as it was written', entry => {
    expect(parse(entry)).toEqual({server: {name: 'x', image: 'mcp/x', ...entry}, problems: []})
  })

  test('are accepted on a remote, where they do nothing', () => {
    const entry = {...remote('http://localhost:443/mcp'), allowHosts: ['b:443'], readOnly: true}
    expect(parse({...entry, image: ''}).problems).toEqual([])
  })
})

describe('networkWish', () => {
  const rules = [parseAllowRule('a.example:443')]
  const nothing = {rules: [], extraHosts: [], connectTo: []}

  test.each([
    [{}, {...nothing, kind: 'unsaid'}],
    [{disableNetwork: false}, {...nothing, kind: 'unsaid'}],
    [{disableNetwork: true}, {...nothing, kind: 'none'}],
    [{allowHosts: []}, {...nothing, kind: 'allow'}],
    [{allowHosts: ['a.example:443']}, {...nothing, kind: 'allow', rules}],
    [
      {disableNetwork: true, allowHosts: ['a.example:443'], connectTo: ['db']},
      {...nothing, kind: 'none'},
    ],
    [{connectTo: ['db', 'queue', 'db']}, {...nothing, kind: 'unsaid', connectTo: ['db', 'queue']}],
  ])('of %j', (entry, wish) => {
    expect(networkWish({name: 'x', ...entry})).toEqual(wish)
  })

  test('keeps the names with an address, whatever the network', () => {
    const entry = {name: 'x', extraHosts: ['DB:10.0.0.1', 'here:host-gateway']}
    const extraHosts = [
      {name: 'db', address: '10.0.0.1'},
      {name: 'here', address: 'host-gateway'},
    ]
    expect(networkWish(entry)).toMatchObject({kind: 'unsaid', extraHosts})
    expect(networkWish({...entry, disableNetwork: true})).toMatchObject({kind: 'none', extraHosts})
  })
})

describe('securityWish', () => {
  test('says nothing for an entry that says nothing', () => {
    const wish = {profile: undefined, readOnly: undefined, capAdd: [], tmpfs: []}
    expect(securityWish({name: 'x'})).toEqual(wish)
  })

  test('reads what an entry says, each capability once', () => {
    const capAdd = ['net_raw', 'CAP_NET_RAW', 'Kill']
    const entry = {name: 'x', security: 'strict', readOnly: false, capAdd, tmpfs: ['/tmp/:exec']}
    expect(securityWish({...entry, security: 'strict'})).toEqual({
      profile: 'strict',
      readOnly: false,
      capAdd: ['NET_RAW', 'KILL'],
      tmpfs: [{path: '/tmp', options: 'exec'}],
    })
  })
})
