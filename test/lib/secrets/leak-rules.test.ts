import {readFileSync} from 'node:fs'
import {Worker} from 'node:worker_threads'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {findLeak, LEAK_RULES} from '../../../src/lib/secrets/leak-rules.ts'

/** Made-up values of a given length: nothing here has ever opened anything. */
const alnum = (length: number) => 'a1'.repeat(length).slice(0, length)
const upper = (length: number) => 'A2'.repeat(length).slice(0, length)
const hex = (length: number) => 'f0'.repeat(length).slice(0, length)
const digits = (length: number) => '12'.repeat(length).slice(0, length)
const uuid = [8, 4, 4, 4, 12].map(hex).join('-')

/** For each rule the values that it is there for, each as short as it may be. */
const PREFIXED: Readonly<Record<string, readonly string[]>> = {
  'aws-access-key-id': ['AKIA', 'AGPA', 'AIDA', 'AROA', 'AIPA', 'ANPA', 'ANVA', 'ASIA'].map(
    prefix => prefix + upper(16),
  ),
  'aws-old-key-id': [`A3T${upper(17)}`],
  'aws-secret-key': [
    `aws_secret_access_key = ${alnum(40)}`,
    `AWS_KEY=${alnum(38)}/+`,
    `"SecretAccessKey": "${alnum(39)}/`,
  ],
  'github-pat': [`ghp_${alnum(36)}`],
  'github-oauth': [`gho_${alnum(36)}`],
  'github-app': [`ghu_${alnum(36)}`, `ghs_${alnum(36)}`],
  'github-refresh': [`ghr_${alnum(76)}`],
  'github-fine-pat': [`github_pat_${alnum(22)}_${alnum(59)}`],
  'gitlab-pat': [`glpat-${alnum(20)}`],
  huggingface: [`hf_${alnum(34)}`],
  'private-key': [
    `-----BEGIN PRIVATE KEY-----\n${alnum(40)}`,
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${alnum(40)}`,
    `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\n${alnum(40)}`,
    `-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n${alnum(40)}`,
  ],
  'shopify-shared': [`shpss_${hex(32)}`],
  'shopify-access': [`shpat_${hex(32)}`],
  'shopify-custom': [`shpca_${hex(32)}`],
  'shopify-private': [`shppa_${hex(32)}`],
  'slack-token': ['a', 'b', 'p', 'r', 's'].map(kind => `xox${kind}-${digits(10)}`),
  'slack-webhook': [`https://hooks.slack.com/services/${upper(9)}/${upper(9)}/${alnum(24)}`],
  'stripe-publishable': [`pk_test_${alnum(10)}`, `pk_live_${alnum(10)}`],
  'stripe-secret': [`sk_test_${alnum(10)}`, `sk_live_${alnum(10)}`],
  pypi: [`pypi-AgEIcHlwaS5vcmc${alnum(50)}`],
  'gcp-service-account': ['{"type": "service_account"', '{"type":"service_account"'],
  twilio: [`SK${hex(32)}`],
  age: [`AGE-SECRET-KEY-1${upper(58)}`],
  'adobe-secret': [`p8e-${alnum(32)}`],
  'alibaba-id': [`LTAI${alnum(20)}`],
  clojars: [`CLOJARS_${alnum(60)}`],
  databricks: [`dapi${hex(32)}`],
  doppler: [`dp.pt.${alnum(43)}`],
  duffel: [`duffel_test_${alnum(43)}`, `duffel_live_${alnum(43)}`],
  dynatrace: [`dt0c01.${upper(24)}.${upper(64)}`],
  easypost: [`EZAK${alnum(54)}`, `EZTK${alnum(54)}`],
  'flutterwave-public': [`FLWPUBK_TEST-${hex(32)}-X`],
  'flutterwave-secret': [`FLWSECK_TEST-${hex(32)}-X`],
  'flutterwave-encryption': [`FLWSECK_TEST${hex(12)}`],
  frameio: [`fio-u-${alnum(64)}`],
  gocardless: [`live_${alnum(40)}`],
  grafana: [`eyJrIjoi${alnum(72)}`],
  'terraform-cloud': [`${alnum(14)}.atlasv1.${alnum(60)}`],
  jwt: [`eyJ${alnum(30)}.eyJ${alnum(30)}.`],
  'linear-api': [`lin_api_${alnum(40)}`],
  mapbox: [`pk.${alnum(60)}.${alnum(22)}`],
  'newrelic-user': [`NRAK-${upper(27)}`],
  'newrelic-browser': [`NRJS-${hex(19)}`],
  npm: [`npm_${alnum(36)}`],
  'planetscale-password': [`pscale_pw_${alnum(43)}`],
  'planetscale-token': [`pscale_tkn_${alnum(43)}`],
  packagist: [`packagist_ort_${hex(68)}`, `packagist_uut_${hex(68)}`],
  postman: [`PMAK-${hex(24)}-${hex(34)}`],
  pulumi: [`pul-${hex(40)}`],
  rubygems: [`rubygems_${hex(48)}`],
  sendgrid: [`SG.${alnum(22)}.${alnum(43)}`],
  sendinblue: [`xkeysib-${hex(64)}-${alnum(16)}`],
  shippo: [`shippo_live_${hex(40)}`, `shippo_test_${hex(40)}`],
  'docker-config': [
    `".dockerconfigjson":"ey${alnum(30)}`,
    `.dockercfg: |\n    ew${alnum(30)}`,
    `.dockerconfigjson: ey${alnum(30)}`,
  ],
  'docker-pat': [`dckr_pat_${alnum(27)}`],
  typeform: [`tfp_${alnum(59)}`],
}

/** For each rule that needs context: the word before, and a value. */
const CONTEXTUAL: Readonly<Record<string, readonly [string, string]>> = {
  heroku: ['heroku', uuid],
  facebook: ['facebook', hex(32)],
  twitter: ['twitter', alnum(35)],
  'adobe-id': ['adobe', hex(32)],
  'alibaba-secret': ['alibaba', alnum(30)],
  'asana-id': ['asana', digits(16)],
  'asana-secret': ['asana', alnum(32)],
  atlassian: ['atlassian', alnum(24)],
  'bitbucket-id': ['bitbucket', alnum(32)],
  'bitbucket-secret': ['bitbucket', alnum(64)],
  beamer: ['beamer', `b_${alnum(44)}`],
  contentful: ['contentful', alnum(43)],
  'discord-token': ['discord', hex(64)],
  'discord-id': ['discord', digits(18)],
  'discord-secret': ['discord', alnum(32)],
  'dropbox-secret': ['dropbox', alnum(15)],
  'dropbox-short': ['dropbox', `sl.${alnum(135)}`],
  'dropbox-long': ['dropbox', `${alnum(11)}AAAAAAAAAA${alnum(43)}`],
  fastly: ['fastly', alnum(32)],
  'finicity-secret': ['finicity', alnum(20)],
  'finicity-token': ['finicity', hex(32)],
  hubspot: ['hubspot', uuid],
  'intercom-token': ['intercom', alnum(60)],
  'intercom-secret': ['intercom', uuid],
  ionic: ['ionic', `ion_${alnum(42)}`],
  'linear-secret': ['linear', hex(32)],
  lob: ['lob', `live_${hex(35)}`],
  'lob-publishable': ['lob', `test_pub_${hex(31)}`],
  mailchimp: ['mailchimp', `${hex(32)}-us20`],
  mailgun: ['mailgun', `key-${hex(32)}`],
  'mailgun-signing': ['mailgun', `${hex(32)}-${hex(8)}-${hex(8)}`],
  messagebird: ['messagebird', alnum(25)],
  'messagebird-id': ['message_bird', uuid],
  'newrelic-id': ['new_relic', alnum(64)],
  'linkedin-secret': ['linkedin', alnum(16)],
  'linkedin-id': ['linkedin', alnum(14)],
  twitch: ['twitch', alnum(30)],
}

/** How a name and its value look in the texts that pass a gateway. */
const ASSIGNMENTS: ReadonlyArray<(name: string, value: string) => string> = [
  (name, value) => `${name} = "${value}"`,
  (name, value) => `const ${name}='${value}';`,
  (name, value) => `${name}: "${value}"`,
  (name, value) => JSON.stringify({[name]: value}),
  (name, value) => JSON.stringify({[name]: value}, undefined, 2),
  (name, value) => `${name} := \`${value}\``,
  (name, value) => `"${name}" => "${value}"`,
  (name, value) => `set('${name}', '${value}')`,
]

/** A text as it is, and where it is a string in one, two and three layers of JSON. */
const inJson = (text: string) => [
  text,
  JSON.stringify({text}),
  JSON.stringify({text: JSON.stringify({text})}),
  JSON.stringify({a: JSON.stringify({b: JSON.stringify({text})})}),
]

const prefixed = Object.entries(PREFIXED).flatMap(([id, texts]) =>
  texts.map(text => [id, text] as const),
)
const contextual = Object.entries(CONTEXTUAL).map(([id, pair]) => [id, ...pair] as const)

/** The rules that match, by their patterns alone. */
function rulesOf(text: string): string[] {
  return LEAK_RULES.filter(rule => rule.pattern.test(text)).map(rule => rule.id)
}

describe('LEAK_RULES', () => {
  test('every rule has an id of its own, a title and small-letter keywords, and is tried here', () => {
    const ids = LEAK_RULES.map(rule => rule.id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.toSorted()).toEqual(
      [...Object.keys(PREFIXED), ...Object.keys(CONTEXTUAL)].toSorted(),
    )
    for (const rule of LEAK_RULES) {
      expect(rule.title).not.toBe('')
      expect(rule.keywords.length).toBeGreaterThan(0)
      for (const keyword of rule.keywords) expect(keyword).toMatch(/^[^A-Z]{2,}$/)
    }
  })

  test('no pattern repeats anything without a bound', () => {
    for (const {pattern} of LEAK_RULES) {
      const bare = pattern.source.replace(/\\./g, '.').replace(/\[[^\]]*\]/g, '.')
      expect(bare).not.toMatch(/[*+]|\{\d+,\}/)
    }
  })

  test('no pattern keeps a place between two searches', () => {
    for (const {pattern} of LEAK_RULES) expect(pattern.flags).not.toMatch(/[gy]/)
  })
})

describe('findLeak', () => {
  test.each(prefixed)('finds %s in plain text and in JSON', (id, sample) => {
    for (const text of [sample, `Use this: ${sample}`, `first\n${sample}\nlast`, `k=${sample}&x`]) {
      for (const form of inJson(text)) {
        expect(rulesOf(form)).toContain(id)
        expect(findLeak(form)).toBeDefined()
      }
    }
    expect(findLeak(sample)).toEqual({
      rule: id,
      title: LEAK_RULES.find(rule => rule.id === id)?.title,
    })
  })

  test.each(prefixed)('does not take a shortened %s for one', (_, sample) => {
    expect(findLeak(sample.slice(0, -1))).toBeUndefined()
  })

  test.each(contextual)('finds %s behind the name of its service', (id, name, value) => {
    for (const key of [
      name,
      `${name}_api_key`,
      `MY_${name.toUpperCase()}_SECRET`,
      `${name} token`,
    ]) {
      for (const assign of ASSIGNMENTS) {
        for (const form of inJson(assign(key, value))) {
          expect(rulesOf(form)).toContain(id)
          expect(findLeak(form)).toBeDefined()
        }
      }
    }
  })

  test.each(contextual)('takes the value of %s for nothing without the name', (id, _, value) => {
    for (const assign of ASSIGNMENTS) expect(rulesOf(assign('some_key', value))).not.toContain(id)
  })

  test.each(contextual)('does not take a shortened value for %s', (id, name, value) => {
    // One digit of a region is as good as two.
    const short = value.slice(0, id === 'mailchimp' ? -2 : -1)
    for (const assign of ASSIGNMENTS) expect(rulesOf(assign(name, short))).not.toContain(id)
  })

  test('finds long values without quotation marks, as in environment files', () => {
    expect(findLeak(`HEROKU_API_KEY=${uuid}\n`)?.rule).toBe('heroku')
    expect(findLeak(`fastly_key: ${alnum(32)}`)?.rule).toBe('fastly')
  })

  test.each([
    ['a line break in JSON', '\\n'],
    ['an escape in a URL', '%3D'],
    ['an escape of JSON', '\\u003d'],
    ['a terminal colour', '\u001b[1;32m'],
  ])('finds a value behind %s', (_, before) => {
    expect(findLeak(`token${before}ghp_${alnum(36)}`)?.rule).toBe('github-pat')
    expect(findLeak(`token${before}eyJ${alnum(30)}.eyJ${alnum(30)}.x`)?.rule).toBe('jwt')
  })

  test('names the kind of credential and never gives its value', () => {
    const value = alnum(36)
    const leak = findLeak(`{"token":"ghp_${value}"}`)
    expect(leak).toEqual({rule: 'github-pat', title: 'GitHub personal access token'})
    expect(JSON.stringify(leak)).not.toContain(value)
  })

  test('gives the same answer every time', () => {
    const text = `ghp_${alnum(36)}`
    expect(
      [findLeak(text), findLeak('nothing'), findLeak(` ${text}`)].map(leak => leak?.rule),
    ).toEqual(['github-pat', undefined, 'github-pat'])
  })

  test.each([
    ['nothing', ''],
    ['prose', 'Asia and the risk of global change: a linear task. "Dropbox": "characteristics"'],
    ['words about keys', 'Put -----BEGIN PRIVATE KEY----- on the first line; ghp_ begins a token.'],
    ['dates and names', '{"linkedin_updated":"20250102030405","linkedin_part":"responsibilities"}'],
    ['image digests', `bitbucket/pipe@sha256:${hex(64)} newrelic/infra@sha256:${hex(64)}`],
    ['long names', 'is_live_configuration_of_the_gateway_and_its_servers_in_a_cluster'],
  ])('finds nothing in %s', (_, text) => {
    for (const form of inJson(text)) expect(findLeak(form)).toBeUndefined()
  })

  test('finds nothing in a large file of hashes and addresses', () => {
    const lock = readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8')
    expect(findLeak(lock)).toBeUndefined()
  })

  test('finds a planted value in any text', () => {
    const text = fc.string({unit: 'binary', maxLength: 200})
    fc.assert(
      fc.property(text, fc.constantFrom(...prefixed), text, (before, [, sample], after) => {
        const whole = `${before}\n${sample}\n${after}`
        expect(findLeak(whole)).toBeDefined()
        expect(findLeak(JSON.stringify(whole))).toBeDefined()
      }),
    )
  })

  test('ends on a mebibyte of text made to be slow', async () => {
    const scanner = new URL('../../../src/lib/secrets/leak-rules.ts', import.meta.url).href
    const parts = LEAK_RULES.flatMap(rule => rule.keywords.map(keyword => keyword.toUpperCase()))
    const worst = [
      ...new Set(LEAK_RULES.flatMap(rule => rule.keywords)),
      parts.join(''),
      'a',
      ' ',
      '\\',
      '"',
      '\\"',
      ':',
      'heroku                         ',
      'heroku,,,,,,,,,,,,,,,,,,,,,,,,,',
      'heroku:\\n\\n\\n\\n\\n\\n\\n\\n',
      `mailgun:${hex(32)}-${hex(8)}-`,
      'awskeykeykeykeykeykeykeykeykey',
      'aws_key:\\\\\\\\\\\\\\\\',
      `aws_key:${'\\\\\\\\\\\\\\/'.repeat(39)}`,
      '-----BEGIN RSA PRIVATE KEY-----',
      `-----BEGIN PRIVATE KEY-----${`${alnum(39)}-`.repeat(5)}`,
      'eyJ-',
      `eyJ${alnum(4000)}.`,
      `-eyJ${alnum(20)}.eyJ${alnum(16000)}`,
      'eyJ%41',
      'sk_live_',
    ]
    const worker = new Worker(
      `const {parentPort, workerData} = require('node:worker_threads')
      import(workerData.scanner).then(({findLeak}) => {
        const found = workerData.worst.map(part =>
          findLeak(part.repeat(Math.ceil(2 ** 20 / part.length))) === undefined)
        parentPort.postMessage(found)
      })`,
      {eval: true, workerData: {scanner, worst}},
    )
    const deadline = setTimeout(() => void worker.terminate(), 240_000)
    try {
      const answer = await new Promise<unknown>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
        worker.once('exit', () => reject(new Error('the scan did not end')))
      })
      expect(answer).toHaveLength(worst.length)
    } finally {
      clearTimeout(deadline)
      await worker.terminate()
    }
  })
})
