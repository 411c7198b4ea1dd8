import type {JsonObject} from '../../src/lib/base/json.ts'

const COMPANIES =
  'Acme Borealis Cobalt Delphi Ember Fathom Granite Harbor Indigo Juniper Kestrel Lumen Meridian Nimbus Obsidian Pinnacle Quartz Raven Sable Topaz'.split(
    ' ',
  )
const AREAS = [
  ['calendar', 'Reads and changes events, invitations and free times.', 'list_events create_event'],
  ['mail', 'Searches and sends messages and handles folders.', 'search_mail send_mail'],
  ['tickets', 'Finds and files issues, comments and sprints.', 'list_issues create_issue'],
  ['warehouse', 'Runs SQL on tables of a data warehouse.', 'run_query list_tables'],
  ['storage', 'Uploads, downloads and shares files in buckets.', 'list_files upload_file'],
  ['metrics', 'Asks dashboards and alerts about time series.', 'query_metrics list_alerts'],
  ['payments', 'Looks up invoices, refunds and customers.', 'list_invoices refund'],
  ['maps', 'Finds places, routes and distances.', 'geocode route'],
  ['chat', 'Posts into channels and reads threads.', 'post_message read_thread'],
  ['wiki', 'Searches, reads and writes pages of documentation.', 'search_pages edit_page'],
  ['deploy', 'Rolls releases out and back on clusters.', 'deploy rollback'],
  ['translate', 'Translates texts and detects their language.', 'translate detect'],
  ['images', 'Makes, scales and describes pictures.', 'generate_image resize'],
  ['weather', 'Tells forecasts and past weather.', 'forecast history'],
  ['contacts', 'Looks people and their addresses up.', 'find_person add_person'],
] as const

/**
 * Makes a catalog the size and the shape of a large public one: three hundred servers of twenty companies, with
 * secrets, schemas, hosts, tools and words of their own. Always the same one for the same count.
 */
export function manyServers(count = 300): JsonObject {
  return {
    version: 3,
    name: 'many',
    displayName: 'Many servers',
    registry: Object.fromEntries(Array.from({length: count}, (_, at) => server(at))),
  }
}

function server(at: number): [string, JsonObject] {
  const company = COMPANIES[at % COMPANIES.length] ?? ''
  const [area, description, tools] =
    AREAS[Math.floor(at / COMPANIES.length) % AREAS.length] ?? AREAS[0]
  const low = company.toLowerCase()
  const round = Math.floor(at / (COMPANIES.length * AREAS.length))
  const name = round === 0 ? `${low}-${area}` : `${low}-${area}-${round}`
  const host = `${low}.example`
  return [
    name,
    {
      title: `${company} ${area}`,
      description: `${description} For accounts at ${company}. `.repeat(2).trim(),
      type: 'server',
      image: `registry.example/${low}/${area}:1.${at}`,
      icon: `https://${host}/icon.png`,
      readme: `https://${host}/readme.md`,
      ref: '',
      source: `https://git.example/${low}/${area}`,
      dateAdded: '2026-01-01T00:00:00Z',
      secrets: [
        {name: `${name}.api_key`, env: `${company.toUpperCase()}_API_KEY`, example: 'key-…'},
      ],
      env: [{name: 'REGION', value: `{{${name}.region|or:eu}}`}],
      allowHosts: [`api.${host}:443`, `*.files.${host}:443`],
      config: [
        {
          name,
          description: `Settings of ${company}`,
          type: 'object',
          properties: {
            region: {type: 'string', description: 'Where the account is', enum: ['eu', 'us', 'ap']},
            limit: {type: 'integer', minimum: 1, maximum: 100},
          },
          required: at % 3 === 0 ? ['region'] : [],
        },
      ],
      tools: [...tools.split(' '), `${area}_status`].map(tool => ({
        name: tool,
        description: `${tool.replaceAll('_', ' ')} at ${company}.`,
        arguments: [
          {name: 'query', type: 'string', desc: 'What to look for'},
          {name: 'limit', type: 'integer', desc: 'How many', optional: true},
        ],
      })),
      metadata: {
        pulls: 1000 * (starsOf(at) + 1),
        githubStars: starsOf(at),
        category: area,
        tags: [area, low, at % 2 === 0 ? 'cloud' : 'saas'],
        license: 'Apache-2.0',
        owner: low,
      },
      resources: {limits: {cpus: 1, memory: '512m'}},
    },
  ]
}

function starsOf(at: number): number {
  return (at * 37) % 101
}
