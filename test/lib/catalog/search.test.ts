import {readFileSync} from 'node:fs'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {parse} from 'yaml'
import {nearestNames, searchServers} from '../../../src/lib/catalog/search.ts'
import {searchable} from '../../../src/lib/catalog/search-catalogs.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'
import {manyServers} from '../../support/many-servers.ts'

const FILE = new URL('../../../catalogs/docker-mcp.yaml', import.meta.url)
const {catalog} = parseCatalog(parse(readFileSync(FILE, 'utf8')), 'docker-mcp.yaml')
const SERVERS = [...catalog.servers.values()].map(searchable)
const MANY = [...parseCatalog(manyServers(), 'many.yaml').catalog.servers.values()].map(searchable)

async function search(query: string, limit = 5): Promise<readonly string[]> {
  return (await searchServers(SERVERS, query, limit)).map(({name}) => name)
}

async function searchAll(query: string): Promise<readonly string[]> {
  return (await searchServers([...SERVERS, ...MANY], query, 100)).map(({name}) => name)
}

describe('searchServers', () => {
  const firsts: readonly (readonly [string, string])[] = [
    ['git', 'git'],
    ['duckduckgo', 'duckduckgo'],
    ['DuckDuckGo', 'duckduckgo'],
    ['duck', 'duckduckgo'],
    ['postgres', 'postgres'],
    ['postgresql', 'postgres'],
    ['postgers', 'postgres'],
    ['slakc', 'slack'],
    ['kubernets', 'kubernetes'],
    ['k8s', 'kubernetes'],
    ['youtube', 'youtube_transcript'],
    ['hugging face', 'hugging-face'],
    ['jira', 'atlassian'],
    ['confluence', 'atlassian'],
    ['time zone', 'time'],
    ['files', 'filesystem'],
    ['get_transcript', 'youtube_transcript'],
    ['neo4j memory', 'neo4j-memory'],
    ['aws diagram', 'aws-diagram'],
    ['payments', 'stripe'],
    ['memory', 'memory'],
    ['git hub', 'github'],
    ['githbu', 'github'],
    ['duck duck go', 'duckduckgo'],
    ['dukduckgo', 'duckduckgo'],
    ['huggingface', 'hugging-face'],
    ['tiem', 'time'],
    ['reids', 'redis'],
    ['gti', 'git'],
    ['monogdb', 'mongodb'],
    ['brwoser', 'playwright'],
    ['goggle maps', 'google-maps'],
    ['maps google', 'google-maps'],
    ['memmory', 'memory'],
    ['grafna', 'grafana'],
    ['google_maps', 'google-maps'],
    ['mcp server for postgres', 'postgres'],
    ['how do i read a web page', 'duckduckgo'],
    ['send a message', 'slack'],
  ]
  for (const [query, name] of firsts) {
    test(`puts ${name} first for "${query}"`, async () => {
      expect((await search(query))[0]).toBe(name)
    })
  }

  test.each([
    ['acme', 'acme-calendar'],
    ['acmemail', 'acme-mail'],
    ['mail acme', 'acme-mail'],
    ['amce mail', 'acme-mail'],
    ['kestral calender', 'kestrel-calendar'],
    ['topaz wether', 'topaz-weather'],
    ['transalte raven', 'raven-translate'],
    ['list_events', 'acme-calendar'],
    ['calender', 'acme-calendar'],
    ['e-mail', 'acme-mail'],
    ['acme email', 'acme-mail'],
  ])('among three hundred, puts for "%s" %s first', async (query, name) => {
    expect((await searchServers(MANY, query, 5))[0]?.name).toBe(name)
  })

  test.each(['email', 'e-mail', 'E-Mail', 'calender', 's3', 'the', 'how do I', 'a'])(
    'finds nothing for "%s" where nothing is about it',
    async query => {
      expect(await search(query, 100)).toEqual([])
    },
  )

  test.each([
    ['e-mail', 'email'],
    ['hugging-face', 'huggingface'],
    ['hugging_face', 'huggingface'],
  ])('finds the same for "%s" and "%s"', async (one, other) => {
    expect(await searchAll(one)).toEqual(await searchAll(other))
    expect(await searchAll(one)).not.toEqual([])
  })

  test('finds a server whose name is a word that says nothing elsewhere', async () => {
    const named = {name: 'the', title: '', description: '', tags: [], tools: []}
    expect(await searchServers([...SERVERS, named], 'the', 5)).toEqual([named])
  })

  test('keeps what has most of the words of a question', async () => {
    const found = await search('how do i read a web page', 100)
    expect(found.length).toBeLessThan(10)
    expect(found.slice(0, 3)).toEqual(['duckduckgo', 'playwright', 'tavily'])
  })

  test('tries no letters in another order in a text that nobody types', async () => {
    const long = `${'ab'.repeat(5000)} ${'zq '.repeat(5000)}`
    expect(await searchServers(MANY, long, 5)).toEqual([])
  })

  test('finds both servers for GitHub before anything else', async () => {
    expect((await search('github', 2)).toSorted()).toEqual(['github', 'github-official'])
  })

  test('finds servers by what they are for', async () => {
    expect(await search('browser', 2)).toEqual(expect.arrayContaining(['playwright', 'puppeteer']))
    expect(await search('sql', 10)).toEqual(expect.arrayContaining(['postgres', 'sqlite']))
    expect(await search('web search', 10)).toEqual(
      expect.arrayContaining(['duckduckgo', 'brave', 'tavily']),
    )
  })

  test('drops words that nothing has rather than everything', async () => {
    expect((await search('grafana zzzzzz'))[0]).toBe('grafana')
  })

  test('finds nothing for nonsense', async () => {
    expect(await search('qqqqxxzzzz')).toEqual([])
  })

  test('gives the list as it is for an empty query, up to the limit', async () => {
    expect(await search('  ', 3)).toEqual(SERVERS.slice(0, 3).map(({name}) => name))
  })

  test('gives the very objects that went in, never more than asked for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.nat({max: 5}), async (query, limit) => {
        const found = await searchServers(SERVERS, query, limit)
        expect(found.length).toBeLessThanOrEqual(limit)
        expect(found.every(server => SERVERS.includes(server))).toBe(true)
      }),
      {numRuns: 20},
    )
  })
})

describe('nearestNames', () => {
  const names = ['github', 'github-official', 'gitlab', 'git', 'slack', 'sequentialthinking', 'aws']

  test('gives the nearest first', () => {
    expect(nearestNames('githib', names)).toEqual(['github', 'gitlab'])
    expect(nearestNames('slakc', names)).toEqual(['slack'])
    expect(nearestNames('SLACK', names)).toEqual(['slack'])
  })

  test('knows a name by its beginning', () => {
    expect(nearestNames('sequential', names)).toEqual(['sequentialthinking'])
  })

  test('gives nothing when nothing is near', () => {
    expect(nearestNames('kubernetes', names)).toEqual([])
    expect(nearestNames('', names)).toEqual([])
    expect(nearestNames('x', [])).toEqual([])
  })

  test('gives at most as many as asked for', () => {
    expect(nearestNames('git', names, 1)).toEqual(['git'])
    expect(nearestNames('git', names)).toHaveLength(3)
  })

  test('takes nothing for a name that is longer than names are', () => {
    const long = 'x'.repeat(10_000)
    expect(nearestNames(`${long}y`, [`${long}z`])).toEqual([])
    expect(nearestNames('xxx', [long, 'xxy'])).toEqual(['xxy'])
  })

  test('always finds a name with one letter wrong', () => {
    const word = fc.stringMatching(/^[a-z]{4,12}$/u)
    fc.assert(
      fc.property(word, fc.nat({max: 3}), (name, at) => {
        const typo = `${name.slice(0, at)}#${name.slice(at + 1)}`
        expect(nearestNames(typo, [name])).toEqual([name])
      }),
    )
  })
})
