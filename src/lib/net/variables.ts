const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY']

/** What leads to the outside: proxies, in capitals or not, and certificates. */
export const OUTSIDE_VARIABLES: readonly string[] = [
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  ...PROXIES,
  ...PROXIES.map(name => name.toLowerCase()),
]
