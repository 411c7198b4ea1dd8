import {Flags} from '@oclif/core'
import {NAME_RULE} from './gateway/background/name.ts'
import {gatewayFlags} from './gateway-flags.ts'
import {variable} from './list-flag.ts'
import {unbuiltFlags} from './unbuilt-flags.ts'

/** `--name`, on every command that is about one of several gateways. */
export const gatewayNameFlag = {
  name: Flags.string({
    summary: `name of the gateway, ${NAME_RULE} (default: the profile’s id, or default)`,
    helpValue: '<name>',
    env: variable('name'),
  }),
}

/** Which of the gateways in the background a command is about. */
export const gatewayOfFlags = {
  ...gatewayNameFlag,
  profile: Flags.string({
    summary: 'the profile whose gateway it is, when it has no other name (DOCKER_MCP_PROFILE)',
    helpValue: '<id>',
  }),
}

/** What a gateway that runs takes, in the foreground and in the background. */
export const runFlags = {
  transport: Flags.string({
    summary:
      'stdio, for a client that starts this command; streaming or, for older clients, sse for HTTP',
    default: 'stdio',
    env: variable('transport'),
    helpValue: 'stdio|streaming|sse',
  }),
  port: Flags.integer({
    summary: 'port for HTTP, 0 for any that is free (default 8811)',
    min: 0,
    max: 65535,
    env: variable('port'),
    helpValue: '<number>',
  }),
  host: Flags.string({
    summary: 'address for HTTP',
    default: '127.0.0.1',
    env: variable('host'),
    helpValue: '<address>',
  }),
  'allow-unauthenticated': Flags.boolean({
    summary: 'ask HTTP clients on this machine for no token',
    allowNo: true,
    env: variable('allow-unauthenticated'),
  }),
  'tls-cert': Flags.string({
    summary: 'serve HTTPS with this certificate, a PEM file',
    env: variable('tls-cert'),
    helpValue: '<file>',
  }),
  'tls-key': Flags.string({
    summary: 'its private key, a PEM file',
    env: variable('tls-key'),
    helpValue: '<file>',
  }),
  watch: Flags.boolean({
    summary: 'follow changes of the files while it runs',
    default: true,
    allowNo: true,
    env: variable('watch'),
  }),
  ...gatewayNameFlag,
  ...gatewayFlags,
  ...unbuiltFlags,
}

/**
 * What a gateway in the background takes: what one in the foreground does, over HTTP alone, on a port that is free. None
 * is of one client: `gateway connect` says whose rules hold.
 */
export const backgroundFlags = {
  ...runFlags,
  transport: Flags.string({
    summary: 'streaming, or sse for older clients over HTTP (default streaming)',
    // Not shown: who says nothing gets HTTP.
    default: async () => 'stdio',
    env: variable('transport'),
    helpValue: 'streaming|sse',
  }),
  port: Flags.integer({
    summary: 'port for HTTP (default 0: any that is free)',
    min: 0,
    max: 65535,
    env: variable('port'),
    helpValue: '<number>',
  }),
  client: Flags.string({hidden: true, summary: 'of no use to a gateway for all clients'}),
}
