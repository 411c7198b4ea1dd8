import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {describe, expect, test} from 'vitest'
import {parse} from 'yaml'
import {catalogText} from '../../src/lib/catalog/edit.ts'
import {dockerCli, PROGRAM, type DockerCli} from '../support/docker-cli.ts'
import {manyServers} from '../support/many-servers.ts'

const FIXTURES = fileURLToPath(new URL('../fixtures/catalogs/', import.meta.url))

const WEATHER = `# Ours.
name: home-made
registry:
  # The sky.
  weather:
    title: Weather
    description: Tells the weather.
    image: example/weather:1 # pinned
    x-owner: ops
  tides: {title: Tides, image: x/tides}
`

interface WeatherCli extends Omit<DockerCli, 'run'> {
  /** Runs `docker mcp …` in the home. */
  run(...words: readonly string[]): ReturnType<DockerCli['run']>
}

/** A cli with WEATHER as `weather.yaml` in its home, where its commands run. */
async function withWeather(): Promise<WeatherCli> {
  const cli = await dockerCli()
  await writeFile(join(cli.home, 'weather.yaml'), WEATHER)
  return {...cli, run: (...words) => cli.run(['mcp', ...words], {cwd: cli.home})}
}

/** A server that is there, and needs a level. */
function configurable(name: string): string {
  const properties = '{level: {type: integer, maximum: 3}, mode: {type: string, enum: [a, b]}}'
  const config = `[{name: ${name}, type: object, properties: ${properties}, required: [level]}]`
  return `  ${name}: {image: "localhost/docker-mcp/everything:2026.8.31", config: ${config}}\n`
}

describe('catalogs with plain names', () => {
  test('are made, filled, shown, forked, exported and removed', async () => {
    await using cli = await withWeather()
    const said: unknown[] = []
    for (const words of [
      'catalog create mine --title Mine',
      'catalog create mine',
      'catalog add mine weather ./weather.yaml',
      'catalog add mine weather ./weather.yaml',
      'catalog add mine weather ./weather.yaml --force',
      'catalog add mine wether ./weather.yaml',
      'catalog show mine',
      'catalog show mine --format json',
      'catalog fork mine copy',
      'catalog fork docker-mcp mine',
      'catalog rm copy',
      'catalog rm copy',
      'catalog export mine',
      'server enable weather',
    ]) {
      const {code, stdout, stderr} = await cli.run(...words.split(' '))
      said.push({words, code, stdout, stderr: stderr.replaceAll(cli.home, '~')})
    }
    expect(said).toMatchSnapshot()
  })

  test('are forked and exported with all that their text has', async () => {
    await using cli = await withWeather()
    await cli.write('catalogs/team.yaml', WEATHER)
    await cli.write('catalog.json', '{"catalogs": {"team": {"displayName": "Team"}}, "mine": 1}')
    expect((await cli.run('catalog', 'export', 'team', 'out.yaml')).code).toBe(0)
    expect(await readFile(join(cli.home, 'out.yaml'), 'utf8')).toBe(WEATHER)
    expect((await cli.run('catalog', 'fork', 'team', 'copy')).code).toBe(0)
    const copy = await readFile(join(cli.mcpDir, 'catalogs/copy.yaml'), 'utf8')
    expect(copy).toBe(WEATHER.replace('name: home-made', 'name: copy'))
    expect(JSON.parse(await readFile(join(cli.mcpDir, 'catalog.json'), 'utf8'))).toEqual({
      mine: 1,
      catalogs: {
        team: {displayName: 'Team'},
        copy: {displayName: 'Team', url: 'user:cli', lastUpdate: expect.any(String)},
      },
    })
    expect((await cli.run('catalog', 'server', 'rm', 'copy', 'tides')).code).toBe(0)
    expect(await readFile(join(cli.mcpDir, 'catalogs/copy.yaml'), 'utf8')).toBe(
      copy.replace(/^ {2}tides: .*\n/m, ''),
    )
  })

  test('begin with a file that can be used as it is', async () => {
    await using cli = await withWeather()
    expect((await cli.run('catalog', 'bootstrap', 'begin.yaml')).code).toBe(0)
    const text = await readFile(join(cli.home, 'begin.yaml'), 'utf8')
    expect(Object.keys(parse(text).registry).length).toBeGreaterThan(1)
    const again = await cli.run('catalog', 'bootstrap', 'begin.yaml')
    expect(again).toMatchObject({code: 1, stderr: expect.stringContaining('is there already')})
    expect(await readFile(join(cli.home, 'begin.yaml'), 'utf8')).toBe(text)
    const flags = ['--catalog', './begin.yaml', '--servers', 'filesystem', '--dry-run']
    const {code, stderr} = await cli.run('gateway', 'run', ...flags)
    expect(code, `stderr: ${stderr}`).toBe(0)
  })

  test.each([
    'catalog create ../evil',
    'catalog create a/../../b',
    'catalog create .hidden',
    'catalog create /etc/passwd',
    'catalog create a\\b',
    'catalog create docker-mcp',
    'catalog fork docker-mcp docker-mcp',
    `catalog create org/team@sha256:${'ab'.repeat(32)}`,
    'catalog add docker-mcp weather ./weather.yaml',
  ])('refuse: %s', async words => {
    await using cli = await withWeather()
    expect(await cli.run(...words.split(' '))).toMatchObject({code: 125, stdout: ''})
    await expect(readFile(join(cli.mcpDir, 'catalog.json'))).rejects.toMatchObject({code: 'ENOENT'})
  })

  test('never share a file', async () => {
    await using cli = await withWeather()
    expect((await cli.run('catalog', 'create', 'org/team')).code).toBe(0)
    const text = await readFile(join(cli.mcpDir, 'catalogs/org_team_latest.yaml'), 'utf8')
    expect(await cli.run('catalog', 'create', 'Org_Team_Latest')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the catalog org/team:latest has the file that'),
    })
    expect(await readFile(join(cli.mcpDir, 'catalogs/org_team_latest.yaml'), 'utf8')).toBe(text)
  })
})

describe('catalogs with OCI references', () => {
  test('are made, listed, shown and changed as docker’s own plugin does it', async () => {
    await using cli = await withWeather()
    const said: unknown[] = []
    for (const words of [
      'catalog create docker.io/org/team --title Team',
      'catalog add org/team weather ./weather.yaml',
      'catalog add index.docker.io/org/team:latest tides ./weather.yaml',
      'catalog ls',
      'catalog show org/team --format json',
      'catalog show docker.io/org/team --format yaml --no-tools',
      'catalog server ls org/team',
      'catalog server list org/team --filter name=TID -f name=none --format json',
      'catalog server ls org/team --filter title=x',
      'catalog server inspect org/team weather',
      'catalog server inspect org/team wether',
      'catalog server rm org/team tides nowhere',
      'catalog server remove org/team --name tides',
      'catalog server rm org/team',
      'catalog create org/team:latest --title Anew',
      'catalog server ls org/team:latest --format json',
      'catalog remove org/team:latest',
      'catalog remove org/team:latest',
    ]) {
      const {code, stdout, stderr} = await cli.run(...words.split(' '))
      said.push({
        words,
        code,
        stdout:
          words === 'catalog ls'
            ? stdout.replaceAll(cli.home, '~').replaceAll(/ {4,}/g, '    ')
            : stdout,
        stderr,
      })
    }
    expect(said).toMatchSnapshot()
  })
})

describe('only catalogs of one’s own', () => {
  test('nothing brings the embedded one back but the command for it', async () => {
    await using cli = await withWeather()
    await cli.write('mcp-gateway-config.yaml', '# ours\nlogLevel: warn\n')
    await cli.write('catalogs/team.yaml', WEATHER)
    await cli.write('catalogs/docker-mcp.yaml', 'registry: {other: {image: x/other}}\n')
    await cli.write('catalog.json', '{"catalogs": {"docker-mcp": {}, "team": {}}}')
    expect((await cli.run('catalog', 'rm', 'docker-mcp')).stdout).toBe(
      'Removed catalog docker-mcp\n',
    )
    const file = join(cli.mcpDir, 'mcp-gateway-config.yaml')
    expect(await readFile(file, 'utf8')).toBe(
      '# ours\nlogLevel: warn\ncatalogs:\n  default: false\n',
    )
    const names = async () =>
      JSON.parse(await cli.mcp('catalog', 'ls', '--format', 'json')).map(
        ({name}: {name: string}) => name,
      )
    expect(await names()).toEqual(['team'])
    expect((await cli.run('catalog', 'create', 'more')).code).toBe(0)
    expect((await cli.run('catalog', 'rm', 'more')).code).toBe(0)
    expect(await names()).toEqual(['team'])
    expect((await cli.run('server', 'enable', 'fetch')).stderr).toContain('no catalog has a server')
    for (const flag of ['--catalog', '--additional-catalog']) {
      const run = await cli.run('gateway', 'run', flag, 'docker-mcp', '--dry-run')
      expect(run).toMatchObject({code: 1, stderr: expect.stringContaining('is switched off')})
    }
    expect((await cli.run('catalog', 'init')).code).toBe(0)
    expect(await names()).toEqual(['docker-mcp', 'docker-mcp', 'team'])
    expect(await readFile(file, 'utf8')).toBe('# ours\nlogLevel: warn\ncatalogs: {}\n')
  })

  test('reset removes what is the user’s, and has the embedded one again', async () => {
    await using cli = await withWeather()
    await cli.write('mcp-gateway-config.yaml', 'catalogs: {default: false}\n')
    await cli.write('catalogs/team.yaml', WEATHER)
    await cli.write('catalog.json', '{"catalogs": {"team": {}}}')
    expect((await cli.run('catalog', 'reset')).stderr).toBe('removed team\n')
    expect(await cli.mcp('catalog', 'ls')).toMatch(/^NAME.*\ndocker-mcp .*\n$/)
    await expect(readFile(join(cli.mcpDir, 'catalogs/team.yaml'))).rejects.toMatchObject({
      code: 'ENOENT',
    })
    expect((await cli.run('catalog', 'empty')).stderr).toBe('there was no catalog of yours\n')
  })

  test('leave a gateway file alone that is wrong', async () => {
    await using cli = await withWeather()
    const file = await cli.write('mcp-gateway-config.yaml', 'port: [\n')
    expect(await cli.run('catalog', 'rm', 'docker-mcp')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${file}:`),
    })
    expect(await readFile(file, 'utf8')).toBe('port: [\n')
  })
})

describe('images from elsewhere', () => {
  test('are what runs; what is shown and exported stays as the catalog has it', async () => {
    await using cli = await withWeather()
    await cli.write('catalogs/team.yaml', 'registry: {time: {image: mcp/time:1}}\n')
    await cli.write('catalog.json', '{"catalogs": {"team": {}}}')
    const rule = '{from: "docker.io/mcp/*", to: "localhost:1/mirror/*"}'
    await cli.write('mcp-gateway-config.yaml', `images: {rewrite: [${rule}]}\n`)
    const shown = await cli.mcp('server', 'inspect', 'time', '--format', 'json')
    expect(JSON.parse(shown)).toMatchObject({
      image: 'localhost:1/mirror/time:1',
      catalogImage: 'mcp/time:1',
    })
    const install = await cli.run('server', 'install', 'time')
    expect(install).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('time: localhost:1/mirror/time:1 could not be pulled'),
    })
    expect(await cli.mcp('catalog', 'export', 'team')).toContain('image: mcp/time:1}')
    expect(await cli.mcp('catalog', 'show', 'team', '--format', 'yaml')).toContain('mcp/time:1')
    await cli.write('mcp-gateway-config.yaml', 'images: {rewrite: [{from: mcp*, to: x.io/*}]}\n')
    expect(await cli.run('server', 'ls')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('images.rewrite.0: "mcp*": the * must stand behind a /'),
    })
  })
})

describe('large and strange catalogs', () => {
  test('three hundred servers are listed, found and shown', async () => {
    await using cli = await withWeather()
    await cli.write('catalogs/many.yaml', catalogText(manyServers()))
    await cli.write('catalog.json', '{"catalogs": {"many": {}}}')
    const rows = JSON.parse(await cli.mcp('catalog', 'ls', '--format', 'json'))
    expect(rows[1]).toMatchObject({name: 'many', servers: 300})
    expect(await cli.mcp('catalog', 'search', 'kestral', 'calender', '--limit', '1')).toMatch(
      /^NAME .*\nkestrel-calendar +many +Reads and changes events/,
    )
    expect((await cli.mcp('catalog', 'show', 'many')).split('\n')).toHaveLength(302)
    expect(await cli.mcp('server', 'search', 'topaz-mail', '--limit=1')).toMatch(/^topaz-mail /m)
    const kept = await readFile(join(cli.mcpDir, 'catalogs/many.yaml'), 'utf8')
    await cli.write('catalogs/many.yaml', kept.replace('title: Topaz mail', 'title: Other mail'))
    expect(await cli.mcp('catalog', 'show', 'many')).toMatch(/^topaz-mail +Other mail$/m)
  })

  test('keys that mean nothing are told with their lines, when the server is to run', async () => {
    await using cli = await withWeather()
    await mkdir(join(cli.mcpDir, 'catalogs'), {recursive: true})
    const file = join(FIXTURES, 'every-field-v3.yaml')
    const text = await readFile(file, 'utf8')
    const line = text.split('\n').findIndex(each => each.includes('licence:')) + 1
    const flags = ['--catalog', file, '--servers', 'container', '--dry-run']
    const {stderr} = await cli.run('gateway', 'run', ...flags)
    expect(stderr).toContain(`mean nothing here: licence (${file}:${line}), x-team (${file}:`)
  })
})

describe('on a full disk', () => {
  test('a change fails, and everything stays as it was', async () => {
    await using cli = await withWeather()
    const index = '{"catalogs": {"mine": {}}}'
    await writeFile(join(cli.home, 'catalog.json'), index)
    await writeFile(join(cli.home, 'other.yaml'), WEATHER.replace('x/tides', 'y/tides'))
    const script = `
      set -e
      mkdir -p "$1" && mount -t tmpfs -o size=64k none "$1" && mkdir "$1/catalogs"
      cp catalog.json "$1" && cp weather.yaml "$1/catalogs/mine.yaml"
      cat /dev/zero > "$1/fill" 2> /dev/null || true
      set +e
      for words in 'catalog add mine tides other.yaml --force' 'catalog create more' \
        'catalog fork mine copy' 'catalog rm docker-mcp' 'catalog server rm mine tides'; do
        "$2" $words; echo "code $?"
      done
      cmp catalog.json "$1/catalog.json" && cmp weather.yaml "$1/catalogs/mine.yaml" || exit 9
      ls -A "$1" "$1/catalogs"
    `
    const args = [
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      script,
      'sh',
      cli.mcpDir,
      PROGRAM,
    ]
    const {code, stdout, stderr} = await cli
      .start(args, {program: 'unshare', cwd: cli.home})
      .ended()
    expect(code, `stderr: ${stderr}`).toBe(0)
    expect(stdout.match(/^code \d+$/gm)).toEqual(Array.from({length: 5}, () => 'code 1'))
    expect(stderr).toContain('no space is left')
    expect(
      stdout.split('\n').filter(line => /^\w|^\./.test(line) && !line.startsWith('code')),
    ).toEqual(['catalog.json', 'catalogs', 'fill', 'mine.yaml'])
  })
})

describe('a value that does not fit', () => {
  test('stops its server alone, with the key and the reason', async () => {
    await using cli = await withWeather()
    const names = ['good', 'high', 'text', 'none', 'mode']
    await cli.write('catalogs/team.yaml', `registry:\n${names.map(configurable).join('')}`)
    await cli.write('catalog.json', '{"catalogs": {"team": {}}}')
    const values =
      'good: {level: 2}\nhigh: {level: 7}\ntext: {level: two}\nmode: {level: 1, mode: c}\n'
    await cli.write('config.yaml', values)
    const flags = ['--servers', names.join(','), '--dry-run']
    const {code, stderr} = await cli.run('gateway', 'run', ...flags)
    expect(code).toBe(1)
    expect(stderr).toMatch(/good: \(\d+ tools/)
    expect(stderr).toMatch(/server high is not configured: level must be at most 3/)
    expect(stderr).toMatch(/server text is not configured: level must be a whole number, not text/)
    expect(stderr).toMatch(/server none is not configured: level is not set/)
    expect(stderr).toMatch(/server mode is not configured: mode must be one of: a, b/)
    expect(stderr).toContain('not every server could be started: high, text, none, mode')
  })
})
