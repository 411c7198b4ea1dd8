/**
 * The name of a community server in a catalog, as docker's own plugin makes it: `com.example/weather` is
 * `com-example-weather`.
 * @returns empty when nothing is left
 */
export function catalogName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '-').replace(/^[^A-Za-z0-9]+/, '')
}
