import * as z from 'zod'
import {parseBytes} from './bytes.ts'
import {HAS_REFERENCE} from './references.ts'

/**
 * The gateway's own configuration, `mcp-gateway-config.yaml`: what the administrator of a machine decides, as opposed to
 * what a user switches on. A flag wins over the file. The descriptions are part of the published JSON Schema.
 */
const seconds = (longest: number, description: string) =>
  z.number().min(0).max(longest).optional().describe(description)
const names = (description: string) => z.array(z.string().min(1)).optional().describe(description)
const file = (description: string) => z.string().min(1).optional().describe(description)
const DAY_S = 86_400

/** A secret is where it is, and never in a file that is committed, copied and shown. */
const reference = (description: string) =>
  z
    .string()
    .regex(HAS_REFERENCE, {
      error: 'holds no reference like ${NAME}: a secret has no place in this file',
    })
    .describe(description)

/** What a client may use; globs (`*`) in names, tools as `tool` or `server:tool`. */
const accessRules = {
  allowedServers: names('only these servers; * stands for any text'),
  deniedServers: names('not these servers, whatever is allowed'),
  allowedTools: names('only these tools, as tool or server:tool; * stands for any text'),
  deniedTools: names('not these tools, whatever is allowed'),
  readOnly: z
    .boolean()
    .optional()
    .describe('only tools whose annotations say that they change nothing'),
}

const clientName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: 'is no name of a client: use letters, digits, dots, dashes and underscores',
})

const size = z.string().refine(written => parseBytes(written) !== undefined, {
  error: 'is not a size: write a number with a unit, such as 256Mb',
})

export const gatewayFileSchema = z.strictObject({
  version: z.literal(1).optional().describe('the version of this format'),
  transport: z
    .enum(['stdio', 'streaming', 'sse'])
    .optional()
    .describe('how clients reach the gateway (--transport)'),
  host: z.string().min(1).optional().describe('address for HTTP (--host)'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('port for HTTP, 0 for any free one (--port)'),
  tls: z
    .strictObject({
      cert: z.string().min(1).describe('the certificate, a PEM file (--tls-cert)'),
      key: z.string().min(1).describe('its private key, a PEM file (--tls-key)'),
    })
    .optional()
    .describe('serve HTTPS'),
  logLevel: z
    .enum(['error', 'warn', 'info', 'debug'])
    .optional()
    .describe('how much is said on stderr (--log-level)'),
  discoveryInterval: seconds(
    DAY_S,
    'seconds between looks at files and at catalogs that are somewhere else; 0: only as files change',
  ),
  profile: z.string().min(1).optional().describe('the profile that is served (--profile)'),
  catalogs: z
    .strictObject({
      default: z
        .boolean()
        .optional()
        .describe('false: without the catalog that is part of the program'),
      allowPrivateHosts: names(
        'hosts that may be asked for catalogs though their addresses are private',
      ),
    })
    .optional()
    .describe('which catalogs count'),
  images: z
    .strictObject({
      rewrite: z
        .array(z.strictObject({from: z.string().min(1), to: z.string().min(1)}))
        .optional()
        .describe(
          'where images really come from; the first that fits counts: docker.io/mcp/* to mirror.example.com/mcp/*',
        ),
      verifySignatures: z
        .boolean()
        .optional()
        .describe('take only images with a valid signature (--verify-signatures)'),
    })
    .optional()
    .describe('where images come from'),
  accessControl: z
    .strictObject({
      defaultPolicy: z
        .enum(['allow', 'deny'])
        .optional()
        .describe('what a client may use that is not named under clients; allow, unless said'),
      ...accessRules,
      clients: z
        .record(
          clientName,
          z.strictObject({
            token: reference('what the client shows over HTTP, as ${NAME}').optional(),
            ...accessRules,
          }),
        )
        .optional()
        .describe('what each client may use, by its name'),
    })
    .optional()
    .describe('who may use what'),
  credentials: z
    .record(z.string(), reference('where the value is, as ${NAME} of the environment'))
    .optional()
    .describe('secrets of servers, by their names in the catalog'),
  encryptionKeyFile: file(
    'a file of this user alone with at least 32 bytes of key, for the encrypted file of secrets',
  ),
  network: z
    .strictObject({
      proxy: z
        .string()
        .refine(isProxy, {
          error:
            'is not the address of a proxy: write http://host:port, with a password only as ${NAME}',
        })
        .optional()
        .describe('the proxy for all connections of the gateway itself'),
      noProxy: names('hosts that are reached without it'),
      caFile: file('certificates that count besides those that Node knows, a PEM file'),
    })
    .optional()
    .describe('how the gateway itself reaches others'),
  timeouts: z
    .strictObject({
      start: z
        .number()
        .min(1)
        .max(DAY_S)
        .optional()
        .describe('seconds that a server may take to start whose entry does not say'),
      call: seconds(DAY_S, 'seconds that a call may take without a sign, 0 for no limit'),
    })
    .optional()
    .describe('how long things may take'),
  pools: z
    .strictObject({
      min: z.int().min(0).max(32).optional().describe('containers kept ready always'),
      max: z.int().min(0).max(32).optional().describe('containers kept ready while in use'),
      memory: size.optional().describe('memory that all of them may take (--standby-memory)'),
      idleTimeout: seconds(
        DAY_S,
        'seconds after which a container that nobody uses is stopped, 0 for never',
      ),
    })
    .refine(({min = 0, max = 32}) => min <= max, {error: 'has a min above its max', path: ['min']})
    .optional()
    .describe('how long containers live, and how many are kept ready'),
  cache: z
    .strictObject({
      lists: seconds(
        30 * DAY_S,
        'seconds for which what a server lists is trusted without asking it',
      ),
    })
    .optional()
    .describe('what is remembered'),
  limits: z
    .strictObject({
      tools: z
        .int()
        .min(0)
        .optional()
        .describe('warn above so many tools, 0 for never (--max-tools)'),
      tokens: z
        .int()
        .min(0)
        .optional()
        .describe('warn above so many tokens of definitions, 0 for never (--token-budget)'),
    })
    .optional()
    .describe('what the tools of all servers may cost a model'),
})

export type GatewayFile = z.infer<typeof gatewayFileSchema>

/** The schema of the file for editors and other programs, JSON Schema 2020-12. */
export function gatewayFileJsonSchema(): object {
  return {title: 'mcp-gateway-config.yaml', ...z.toJSONSchema(gatewayFileSchema)}
}

/** The same as a file. */
export function gatewayFileSchemaText(): string {
  return `${JSON.stringify(gatewayFileJsonSchema(), null, 2)}\n`
}

/** A password in it must be a reference; what a reference stands for is not known here, so a word stands in. */
function isProxy(text: string): boolean {
  const url = URL.parse(text.replaceAll(/\$\{[A-Za-z_][A-Za-z0-9_]*\}/g, 'referenced'))
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return false
  return url.password === '' || (HAS_REFERENCE.test(text) && url.password.includes('referenced'))
}
