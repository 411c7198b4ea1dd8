import {ALNUM, ASSIGN, HEX, type LeakRule, QUOTE, URL64} from './leak-shapes.ts'

/** Id, title, the names of the service (small letters; any of them), the value, and how it must be written. */
type Row = readonly [string, string, readonly string[], string, 'quoted'?]

const UUID = `${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}`

const MESSAGEBIRD = ['messagebird', 'message_bird', 'message-bird']

/**
 * Credentials without a prefix: only the name of the service before them tells them from any other text. Short
 * ones must stand in quotation marks, where fewer ordinary words do.
 */
const ROWS: readonly Row[] = [
  ['heroku', 'Heroku API key', ['heroku'], UUID],
  ['facebook', 'Facebook token', ['facebook'], `${HEX}{32}`],
  ['twitter', 'Twitter token', ['twitter'], mixed(ALNUM, 35, 44)],
  ['adobe-id', 'Adobe client id', ['adobe'], `${HEX}{32}`],
  ['alibaba-secret', 'Alibaba Cloud secret key', ['alibaba', 'aliyun'], mixed(ALNUM, 30)],
  ['asana-id', 'Asana client id', ['asana'], '\\d{16}', 'quoted'],
  ['asana-secret', 'Asana client secret', ['asana'], mixed(ALNUM, 32)],
  ['atlassian', 'Atlassian API token', ['atlassian'], mixed(ALNUM, 24), 'quoted'],
  ['bitbucket-id', 'Bitbucket client id', ['bitbucket'], mixed(ALNUM, 32)],
  ['bitbucket-secret', 'Bitbucket client secret', ['bitbucket'], mixed(URL64, 64)],
  ['beamer', 'Beamer token', ['beamer'], `b_${URL64}{44}`],
  ['contentful', 'Contentful token', ['contentful'], mixed(URL64, 43)],
  ['discord-token', 'Discord API token', ['discord'], `${HEX}{64}`],
  ['discord-id', 'Discord client id', ['discord'], '\\d{18}', 'quoted'],
  ['discord-secret', 'Discord client secret', ['discord'], mixed(URL64, 32)],
  ['dropbox-secret', 'Dropbox API secret', ['dropbox'], mixed(ALNUM, 15), 'quoted'],
  ['dropbox-short', 'Dropbox short-lived token', ['dropbox'], `sl\\.${URL64}{135}`],
  ['dropbox-long', 'Dropbox token', ['dropbox'], `${ALNUM}{11}A{10}${URL64}{43}`],
  ['fastly', 'Fastly token', ['fastly'], mixed(URL64, 32)],
  ['finicity-secret', 'Finicity client secret', ['finicity'], mixed(ALNUM, 20), 'quoted'],
  ['finicity-token', 'Finicity token', ['finicity'], `${HEX}{32}`],
  ['hubspot', 'HubSpot token', ['hubspot'], UUID],
  ['intercom-token', 'Intercom token', ['intercom'], mixed(URL64, 60)],
  ['intercom-secret', 'Intercom client secret', ['intercom'], UUID],
  ['ionic', 'Ionic token', ['ionic'], `ion_${ALNUM}{42}`],
  ['linear-secret', 'Linear client secret', ['linear'], `${HEX}{32}`],
  ['lob', 'Lob API key', ['lob'], `(?:live|test)_${HEX}{35}`],
  ['lob-publishable', 'Lob publishable key', ['lob'], `(?:live|test)_pub_${HEX}{31}`],
  ['mailchimp', 'Mailchimp API key', ['mailchimp'], `${HEX}{32}-us\\d{1,2}`],
  ['mailgun', 'Mailgun token', ['mailgun'], `(?:pub)?key-${HEX}{32}`],
  ['mailgun-signing', 'Mailgun signing key', ['mailgun'], `${HEX}{32}-${HEX}{8}-${HEX}{8}`],
  ['messagebird', 'MessageBird token', MESSAGEBIRD, mixed(ALNUM, 25), 'quoted'],
  ['messagebird-id', 'MessageBird client id', MESSAGEBIRD, UUID],
  ['newrelic-id', 'New Relic API id', ['newrelic', 'new_relic', 'new-relic'], mixed(ALNUM, 64)],
  ['linkedin-secret', 'LinkedIn client secret', ['linkedin'], mixed(ALNUM, 16), 'quoted'],
  ['linkedin-id', 'LinkedIn client id', ['linkedin'], mixed(ALNUM, 14), 'quoted'],
  ['twitch', 'Twitch token', ['twitch'], mixed(ALNUM, 30)],
]

/** The rules for credentials that only the name of their service gives away. */
export const CONTEXTUAL_LEAKS: readonly LeakRule[] = ROWS.map(
  ([id, title, names, value, style]) => ({
    id,
    title,
    keywords: names,
    pattern: new RegExp(
      // Up to 25 characters of the rest of the name, none of which could also begin what follows it.
      `(?:${names.join('|')})[\\w .-]{0,25}${ASSIGN}` +
        (style === 'quoted'
          ? `${QUOTE}(?:${value})${QUOTE}`
          : `(?:${QUOTE})?(?:${value})(?![\\w=-])`),
      'i',
    ),
  }),
)

/**
 * A run of these characters with both a letter and a digit in it: a random value lacks one of them less than
 * once in a hundred times, while words, dates and counters always do.
 */
function mixed(alphabet: string, length: number, most = length): string {
  const run = `${alphabet}{${length},${most}}`
  const before = `{0,${length - 1}}`
  return `(?=[A-Za-z_=-]${before}\\d)(?=[\\d_=-]${before}[A-Za-z])${run}`
}
