/** How many servers, as a person says it. */
export function serverCount(count: number): string {
  return count === 1 ? '1 server' : `${count} servers`
}
