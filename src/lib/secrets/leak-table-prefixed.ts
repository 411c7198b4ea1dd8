import {ALNUM, ASSIGN, ESCAPED, HEX, type LeakRule, QUOTE, SPACE, URL64} from './leak-shapes.ts'

/** Id, title, the prefixes (any of them), and what follows. */
type Row = readonly [string, string, readonly string[], string]

/** A prefix is no part of a longer word, so that it is not found all over other encoded data. */
const START = `(?<=^|[^A-Za-z0-9]|${ESCAPED})`

/** The value ends here: an exact length tells a short prefix from chance. */
const END = '(?![\\w-])'

const HEX_DIGITS = Array.from('0123456789abcdefABCDEF')

/** Credentials that their issuers gave a prefix, so that they can be recognised anywhere. */
const ROWS: readonly Row[] = [
  [
    'aws-access-key-id',
    'AWS access key id',
    ['AKIA', 'AGPA', 'AIDA', 'AROA', 'AIPA', 'ANPA', 'ANVA', 'ASIA'],
    `[A-Z0-9]{16}${END}`,
  ],
  ['aws-old-key-id', 'AWS access key id', ['A3T'], `[A-Z0-9]{17}${END}`],
  ['github-pat', 'GitHub personal access token', ['ghp_'], `${ALNUM}{36}`],
  ['github-oauth', 'GitHub OAuth token', ['gho_'], `${ALNUM}{36}`],
  ['github-app', 'GitHub app token', ['ghu_', 'ghs_'], `${ALNUM}{36}`],
  ['github-refresh', 'GitHub refresh token', ['ghr_'], `${ALNUM}{76}`],
  ['github-fine-pat', 'GitHub token', ['github_pat_'], `${ALNUM}{22}_${ALNUM}{59}`],
  ['gitlab-pat', 'GitLab personal access token', ['glpat-'], '[\\w-]{20}'],
  ['huggingface', 'Hugging Face token', ['hf_'], `${ALNUM}{34,40}${END}`],
  [
    'private-key',
    'private key',
    ['-----BEGIN'],
    // A few header lines may come first. The name alone, without a line of key, gives nothing away.
    ' [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\\s\\S]{0,200}?[A-Za-z0-9+/\\\\]{40}',
  ],
  ['shopify-shared', 'Shopify shared secret', ['shpss_'], `${HEX}{32}`],
  ['shopify-access', 'Shopify access token', ['shpat_'], `${HEX}{32}`],
  ['shopify-custom', 'Shopify custom app token', ['shpca_'], `${HEX}{32}`],
  ['shopify-private', 'Shopify private app token', ['shppa_'], `${HEX}{32}`],
  ['slack-token', 'Slack token', ['xoxa-', 'xoxb-', 'xoxp-', 'xoxr-', 'xoxs-'], '[\\w-]{10}'],
  [
    'slack-webhook',
    'Slack webhook',
    ['hooks.slack.com'],
    '\\\\{0,7}/services(?:\\\\{0,7}/|[A-Za-z0-9+]){45}',
  ],
  ['stripe-publishable', 'Stripe key', ['pk_test_', 'pk_live_'], `${ALNUM}{10}`],
  ['stripe-secret', 'Stripe secret key', ['sk_test_', 'sk_live_'], `${ALNUM}{10}`],
  ['pypi', 'PyPI upload token', ['pypi-AgEIcHlwaS5vcmc'], '[\\w-]{50}'],
  // Two letters alone would stop the search at every word that has them.
  ['twilio', 'Twilio API key', HEX_DIGITS.map(digit => `SK${digit}`), `${HEX}{31}${END}`],
  ['age', 'age secret key', ['AGE-SECRET-KEY-1'], '[A-Z0-9]{58}'],
  ['adobe-secret', 'Adobe client secret', ['p8e-'], `${ALNUM}{32}${END}`],
  ['alibaba-id', 'Alibaba Cloud access key id', ['LTAI'], `${ALNUM}{20}${END}`],
  ['clojars', 'Clojars token', ['CLOJARS_'], `${ALNUM}{60}`],
  ['databricks', 'Databricks token', ['dapi'], `[a-h0-9]{32}${END}`],
  ['doppler', 'Doppler token', ['dp.pt.'], `${ALNUM}{43}`],
  ['duffel', 'Duffel token', ['duffel_test_', 'duffel_live_'], `${URL64}{43}`],
  ['dynatrace', 'Dynatrace token', ['dt0c01.'], `${ALNUM}{24}\\.${ALNUM}{64}`],
  ['easypost', 'EasyPost key', ['EZAK', 'EZTK'], `${ALNUM}{54}${END}`],
  ['flutterwave-public', 'Flutterwave public key', ['FLWPUBK_TEST-'], `${ALNUM}{32}-X`],
  ['flutterwave-secret', 'Flutterwave secret key', ['FLWSECK_TEST-'], `${ALNUM}{32}-X`],
  ['flutterwave-encryption', 'Flutterwave encryption key', ['FLWSECK_TEST'], `${ALNUM}{12}`],
  ['frameio', 'Frame.io token', ['fio-u-'], `${URL64}{64}`],
  // A digit tells it from a long name in a program.
  ['gocardless', 'GoCardless token', ['live_'], `(?=\\D{0,39}\\d)${URL64}{40}${END}`],
  ['grafana', 'Grafana API key', ['eyJrIjoi'], '[\\w=+/-]{72}'],
  ['linear-api', 'Linear API key', ['lin_api_'], `${ALNUM}{40}`],
  ['mapbox', 'Mapbox token', ['pk.'], `${ALNUM}{60}\\.${ALNUM}{22}`],
  ['newrelic-user', 'New Relic user key', ['NRAK-'], `${ALNUM}{27}`],
  ['newrelic-browser', 'New Relic browser token', ['NRJS-'], `${ALNUM}{19}`],
  ['npm', 'npm access token', ['npm_'], `${ALNUM}{36}`],
  ['planetscale-password', 'PlanetScale password', ['pscale_pw_'], '[\\w.-]{43}'],
  ['planetscale-token', 'PlanetScale token', ['pscale_tkn_'], '[\\w.-]{43}'],
  ['packagist', 'Packagist token', ['packagist_'], `[ou][ru]t_${ALNUM}{68}`],
  ['postman', 'Postman API key', ['PMAK-'], `${HEX}{24}-${HEX}{34}`],
  ['pulumi', 'Pulumi token', ['pul-'], `${HEX}{40}${END}`],
  ['rubygems', 'RubyGems key', ['rubygems_'], `${HEX}{48}`],
  ['sendgrid', 'SendGrid key', ['SG.'], '[\\w=.-]{66}'],
  ['sendinblue', 'Sendinblue key', ['xkeysib-'], `${HEX}{64}-${ALNUM}{16}`],
  ['shippo', 'Shippo token', ['shippo_live_', 'shippo_test_'], `${HEX}{40}`],
  ['docker-pat', 'Docker personal access token', ['dckr_pat_'], '[\\w-]{27}'],
  ['typeform', 'Typeform token', ['tfp_'], '[\\w.=-]{59}'],
]

/** Shapes in which the part that gives it away is not at the start. */
const IRREGULAR: readonly LeakRule[] = [
  {
    id: 'aws-secret-key',
    title: 'AWS secret access key',
    keywords: ['aws', 'secretaccesskey', 'secret_access_key'],
    pattern: new RegExp(
      '(?:aws[\\w .-]{0,30}key|secret_?access_?key) {0,4}' +
        `${ASSIGN}(?:${QUOTE})?(?:[A-Za-z0-9+=]|\\\\{0,7}/){40}(?![A-Za-z0-9+/=])`,
      'i',
    ),
  },
  {
    id: 'gcp-service-account',
    title: 'Google Cloud service account',
    keywords: ['service_account'],
    pattern: new RegExp(`(?<=type${ASSIGN}${QUOTE})service_account${QUOTE}`),
  },
  {
    id: 'jwt',
    title: 'JSON web token',
    keywords: ['eyj', 'eya'],
    // Only at the start of a run of these characters: so no run is read more than a few times.
    pattern: new RegExp(`(?<=^|[^\\w-]|${ESCAPED})ey[AJ][\\w-]{15,4096}\\.ey[\\w-]{15,16384}\\.`),
  },
  {
    id: 'terraform-cloud',
    title: 'Terraform Cloud token',
    keywords: ['.atlasv1.'],
    pattern: new RegExp(`(?<=${ALNUM}{14})\\.atlasv1\\.${URL64}{60}`),
  },
  {
    id: 'docker-config',
    title: 'Docker registry configuration',
    keywords: ['dockerconfigjson', 'dockercfg'],
    pattern: new RegExp(
      `docker(?:configjson|cfg)${ASSIGN}(?:[|>]-?${SPACE})?(?:${QUOTE})?e[wy][A-Za-z0-9+/]{30}`,
    ),
  },
]

/** The rules for credentials with a prefix, or with another unmistakable part. */
export const PREFIXED_LEAKS: readonly LeakRule[] = [
  ...IRREGULAR,
  ...ROWS.map(([id, title, prefixes, rest]) => ({
    id,
    title,
    keywords: [...new Set(prefixes.map(prefix => prefix.toLowerCase()))],
    pattern: new RegExp(`${START}(?:${prefixes.map(literally).join('|')})${rest}`),
  })),
]

function literally(text: string): string {
  return text.replace(/\W/g, '\\$&')
}
