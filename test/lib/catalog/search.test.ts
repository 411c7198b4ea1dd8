import {readFileSync} from 'node:fs'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {parse} from 'yaml'
import {nearestNames, searchServers} from '../../../src/lib/catalog/search.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'

const FILE = new URL('../../../catalogs/docker-mcp.yaml', import.meta.url)
const {catalog} = parseCatalog(parse(readFileSync(FILE, 'utf8')), 'docker-mcp.yaml')
const SERVERS = [...catalog.servers.values()].map(server => ({
  name: server.name,
  title: server.title ?? '',
  description: server.description ?? '',
  tags: server.metadata?.tags ?? [],
  tools: (server.tools ?? []).map(tool => tool.name),
}))

async function search(query: string, limit = 5): Promise<readonly string[]> {
  return (await searchServers(SERVERS, query, limit)).map(({name}) => name)
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
  ]
  for (const [query, name] of firsts) {
    test(`puts ${name} first for "${query}"`, async () => {
      expect((await search(query))[0]).toBe(name)
    })
  }

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
