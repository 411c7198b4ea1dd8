/**
 * What the docker CLI asks every plugin for (`docker-mcp docker-cli-plugin-metadata`) before it runs or lists it.
 * `SchemaVersion` and a `Vendor` are what makes docker take the program for a plugin
 * (docker/cli, `cli-plugins/metadata`).
 * @param version the version that `docker info` and `docker --help` show
 * @returns one line of JSON, without a line break at its end
 */
export function pluginMetadata(version: string): string {
  return JSON.stringify({
    SchemaVersion: '0.1.0',
    Vendor: 'docker-mcp authors',
    Version: version,
    ShortDescription: 'Docker MCP Plugin',
  })
}
