/** Keeps keys of files, each under an id: the OS keyring can be one, and the key file beside the secrets is. */
export interface KeyVault {
  /** Why it cannot be used here, in words for a person; undefined when it can. Asks nobody for anything. */
  unavailable(): Promise<string | undefined>
  /** @throws PluginError when it may be there and cannot be read */
  get(id: string): Promise<Buffer | undefined>
  /** @throws PluginError when nothing was changed */
  set(id: string, key: Buffer): Promise<void>
  remove(id: string): Promise<unknown>
}
