/** The lists whose changes MCP has a notice for: that of resources counts for their templates, too. */
export type Announced = 'tools' | 'prompts' | 'resources'

/**
 * How a change of each list is told: the capability that promises it has the list's own name, with `listChanged` (MCP
 * 2025-11-25 and 2026-07-28, capabilities).
 */
export const LIST_NOTICES = [
  {kind: 'tools', method: 'notifications/tools/list_changed', flag: 'toolsListChanged'},
  {kind: 'prompts', method: 'notifications/prompts/list_changed', flag: 'promptsListChanged'},
  {kind: 'resources', method: 'notifications/resources/list_changed', flag: 'resourcesListChanged'},
] as const satisfies readonly ListNotice[]

interface ListNotice {
  readonly kind: Announced
  /** Of the notice. */
  readonly method: string
  /** By which the filter of `subscriptions/listen` asks for it (MCP 2026-07-28, subscriptions). */
  readonly flag: string
}
