import {PluginError} from './base/errors.ts'
import type {TlsFiles} from './gateway/downstream/tls.ts'
import type {Transport} from './gateway/run.ts'

const DEFAULT_PORT = 8811

/**
 * How clients reach the gateway, from the flags that say so.
 * @throws PluginError USAGE
 */
export function readTransport(flags: {
  transport: string
  host: string
  port: number | undefined
  allowUnauthenticated: boolean
  tlsCert: string | undefined
  tlsKey: string | undefined
}): Transport {
  const {transport, host, port, allowUnauthenticated} = flags
  const tls = readTlsFiles(flags)
  const http = {host, port: port ?? DEFAULT_PORT, allowUnauthenticated, tls}
  switch (transport) {
    case 'stdio':
      // 0 is what docker's own plugin has for no port at all.
      if (port !== undefined && port !== 0) throw onlyForHttp('--port')
      if (tls) throw onlyForHttp('--tls-cert')
      return {kind: 'stdio'}
    case 'streaming':
    case 'streamable':
    case 'streamable-http':
    case 'http':
      return {kind: 'streamable', ...http}
    case 'sse':
      return {kind: 'sse', ...http}
    default:
      throw new PluginError('USAGE', `there is no transport "${transport}"`, {
        hint: 'use stdio, streaming or sse',
      })
  }
}

function onlyForHttp(flag: string): PluginError {
  return new PluginError('USAGE', `${flag} has no meaning with --transport stdio`, {
    hint: `add --transport streaming, or leave ${flag} out`,
  })
}

function readTlsFiles(flags: {
  tlsCert: string | undefined
  tlsKey: string | undefined
}): TlsFiles | undefined {
  const {tlsCert: cert, tlsKey: key} = flags
  if (cert && key) return {cert, key}
  if (!cert && !key) return undefined
  const [given, missing] = cert ? ['--tls-cert', '--tls-key'] : ['--tls-key', '--tls-cert']
  throw new PluginError(
    'USAGE',
    `${given} needs ${missing}: HTTPS takes a certificate and its key`,
    {
      hint: `add ${missing} <file>, or leave ${given} out`,
    },
  )
}
