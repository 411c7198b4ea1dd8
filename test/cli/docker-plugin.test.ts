import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {dockerCli} from '../support/docker-cli.ts'

const MINE = `name: mine
displayName: Mine
registry:
  weather:
    title: Weather
    description: Tells the weather. For all places.
    image: example/weather:1
    tools: [{name: now}, {name: soon}]
    config: [{name: weather, type: object, properties: {place: {type: string}}, required: [place]}]
    secrets: [{name: weather.key, env: KEY}]
  tides: {title: Tides, description: Tells the tides., image: example/tides:1}
`

/** Scenarios of docker's own plugin, each a home of its own, in which the commands run one after the other. */
const SCENARIOS = {
  'catalogs, under each name of the command': [
    'catalogs import ./mine.yaml',
    'catalogs tag mine org/team',
    'catalog-next list --format json',
    'catalog-next show org/team --format json --no-tools',
    'catalogs --format json server ls org/team --filter name=tid',
    'catalogs server inspect org/team tides',
    'catalog create org/copy --title Copy --server catalog://org/team:latest',
    'catalog-next show org/copy',
    'catalogs rm org/copy',
    'catalogs shwo org/copy',
  ],
  profiles: [
    'profile create --name Web_Site --server file://./mine.yaml --connect cursor',
    'profile list',
    'profile ls --format json',
    'profile show web_site',
    'profile show web_site --clients --format json',
    'profile config web_site --set weather.place=Oslo --set weather.days=3 --get-all',
    'profile --format json config web_site --get-all',
    'profile tools web_site --disable weather.soon',
    'profile server ls',
    'profile server --filter name=tid list --format json',
    'profile export web_site out.json',
    'profile import out.json',
    'profile manual-instructions web_site --format json',
    'profile server remove web_site --name tides',
    'profile remove web_site',
  ],
  templates: [
    'template ls',
    'template list --format json',
    'template use terminal-control --name Term --connect cursor',
    'profile show term --format json',
  ],
  'tools that are listed': [
    'server enable everything',
    'tools --gateway-arg=--tools=echo ls',
    'tools --gateway-arg=--tools=echo --format json list',
    'tools --version 2 --gateway-arg --tools=echo --format=list count',
    'tools --format json count --gateway-arg=--tools=echo',
  ],
  'tools that are called': [
    'server enable everything',
    'tools --gateway-arg=--tools=echo inspect echo',
    'tools --gateway-arg=--tools=echo call echo message=hello',
    'tools --gateway-arg=--tools=echo --format json call echo message=hello',
    'tools --loud ls',
  ],
  'tools that are switched': [
    'server enable everything',
    'tools disable echo --server everything',
    'tools inspect echo',
    'tools enable echo --server everything',
  ],
  'the older commands for catalogs': [
    'catalog import ./mine.yaml --dry-run',
    'catalog import ./mine.yaml',
    'catalog ls --format yaml',
    'catalog show mine --format yaml',
    'catalog export mine out.yaml',
    'catalog fork mine yours',
    'catalog add yours tides ./mine.yaml --force',
    'catalog update mine',
    'catalog empty',
  ],
  'the older commands for servers and what is set for them': [
    'catalog import ./mine.yaml',
    'server add weather tides',
    'server --json list',
    'server list',
    'server inspect weather',
    'server inspect tides --format json',
    'profile tools default --disable weather.soon',
    'config write {"weather":{"place":"Oslo"}}',
    'config read',
    'config read --format json',
    'server ls --json',
    'config dump',
    'config reset',
    'server remove tides',
    'server reset',
  ],
}

test.each(Object.entries(SCENARIOS))('%s', async (_name, commands) => {
  await using cli = await dockerCli()
  await writeFile(join(cli.home, 'mine.yaml'), MINE)
  const said: string[] = []
  for (const words of commands) {
    const {code, stdout, stderr} = await cli.run(['mcp', ...words.split(' ')], {cwd: cli.home})
    const text = `$ docker mcp ${words}\n${stdout}${stderr.replaceAll(/^/gm, '! ')}`
    said.push(text.replace(/(! )?$/, `[${code}]\n`))
  }
  expect(alike(said.join('\n'), cli.home)).toMatchSnapshot()
})

test('tools --verbose says on stderr what the gateway does', async () => {
  await using cli = await dockerCli()
  await cli.mcp('server', 'enable', 'everything')
  const {code, stdout, stderr} = await cli.run(['mcp', 'tools', '--verbose', 'count'])
  expect({code, stdout}).toEqual({code: 0, stdout: '13 tools\n'})
  expect(stderr).toContain('everything')
})

/** What differs from run to run, made the same. */
function alike(text: string, home: string): string {
  return text
    .replaceAll(home, '~')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/(digest"?: "?sha256:)\w+/g, '$1…')
    .replaceAll(/took: \d+ms/g, 'took: <n>ms')
    .replaceAll(/ {4,}(?=\S*~)/g, '    ')
}
