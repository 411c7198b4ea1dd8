/** The protocol's two eras: with `initialize` and a session, or with all that is needed in every request. */
export type Era = 'legacy' | 'modern'

/** What is known of the eras that servers speak, kept with whatever else is remembered of them. */
export interface EraMemory {
  /** Whether a server speaks an era; undefined when nobody has found out. */
  speaks(server: string, era: Era): boolean | undefined
  /** It was found out. */
  learn(server: string, era: Era, speaks: boolean): void
}
