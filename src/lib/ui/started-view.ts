/** What `gateway start` says of the gateway that runs now. */
export function startedView(started: {
  readonly name: string
  /** Undefined: the one in use. */
  readonly profile: string | undefined
  readonly pid: number
  readonly isNew: boolean
  readonly address?: string
  readonly tokenFile: string
}): string {
  const {name, profile, pid, isNew, address, tokenFile} = started
  const is = isNew ? 'runs in the background' : 'runs already'
  const lines = [
    `gateway ${name} ${is}, with process id ${pid}`,
    `  for clients that speak stdio:  docker mcp gateway connect ${whichWords(name, profile)}`,
    ...(address === undefined
      ? []
      : [
          `  for clients over HTTP:         ${address}`,
          `  their bearer token is in:      ${tokenFile}`,
        ]),
  ]
  return lines.map(line => `${line}\n`).join('')
}

/** With the profile, so that whoever comes to start it again starts the same. */
function whichWords(name: string, profile: string | undefined): string {
  if (profile === undefined) return `--name ${name}`
  return profile === name ? `--profile ${profile}` : `--name ${name} --profile ${profile}`
}
