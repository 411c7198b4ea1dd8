/** How a registry wants to be asked (RFC 9110 section 11.6.1, RFC 6750). */
export type Challenge =
  | {readonly scheme: 'basic'}
  /** Get a token there first. */
  | {readonly scheme: 'bearer'; readonly realm: string; readonly service: string | undefined}

const SCHEME = /(?:^|,)\s*(?<scheme>[A-Za-z][\w-]*)(?=\s+[\w-]+\s*=|\s*$|\s*,)/g
const PARAMETER = /(?<name>[\w-]+)\s*=\s*(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<plain>[^\s",]+))/g

/**
 * Reads the header `WWW-Authenticate`.
 * @returns the token's way where there is one, else the password's; undefined for other ways
 */
export function parseChallenge(header: string): Challenge | undefined {
  const challenges = [...withoutQuoted(header).matchAll(SCHEME)].map((match, index, all) => ({
    scheme: match.groups?.['scheme']?.toLowerCase(),
    // Places are the same in the header, which the quoted texts are still in.
    text: header.slice(match.index + match[0].length, all[index + 1]?.index),
  }))
  const bearer = challenges.find(({scheme}) => scheme === 'bearer')
  const parameters = parametersOf(bearer?.text ?? '')
  const realm = parameters.get('realm')
  if (realm !== undefined) return {scheme: 'bearer', realm, service: parameters.get('service')}
  return challenges.some(({scheme}) => scheme === 'basic') ? {scheme: 'basic'} : undefined
}

/** The same text with nothing in its quotes, so that what is quoted is not read as a scheme. */
function withoutQuoted(header: string): string {
  return header.replaceAll(/"(?:[^"\\]|\\.)*"/g, quoted => `"${'_'.repeat(quoted.length - 2)}"`)
}

function parametersOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const {groups} of text.matchAll(PARAMETER)) {
    const {name = '', quoted, plain = ''} = groups ?? {}
    found.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? plain)
  }
  return found
}
