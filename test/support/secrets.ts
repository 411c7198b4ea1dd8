import {secretSource, type SecretSource} from '../../src/lib/secrets/source.ts'

/** Secrets as if they had been read from a store. */
export function secretsOf(
  values: Readonly<Record<string, string | Buffer>>,
  store = 'a store',
): SecretSource {
  const found = Object.entries(values).map(
    ([name, value]) => [name, {store, bytes: Buffer.from(value)}] as const,
  )
  return secretSource(new Map(found), name => `docker mcp secret set ${name}`)
}
