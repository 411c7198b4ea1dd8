import {PluginError} from '../base/errors.ts'

/** Servers that are often used together, all of them in the catalog that comes with the program. */
export interface Template {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly server_names: readonly string[]
}

/** The ids are those of docker's own plugin. */
export const TEMPLATES: readonly Template[] = [
  {
    id: 'ai-coding',
    title: 'AI coding',
    description: 'Documentation of libraries as they are now, and thinking in steps.',
    server_names: ['context7', 'sequentialthinking'],
  },
  {
    id: 'dev-workflow',
    title: 'Development workflow',
    description: 'From an issue to its pull request: GitHub and Atlassian.',
    server_names: ['github-official', 'atlassian'],
  },
  {
    id: 'terminal-control',
    title: 'Terminal control',
    description: 'Commands and files of this machine.',
    server_names: ['desktop-commander', 'filesystem'],
  },
]

/**
 * @throws PluginError USAGE with the ids that there are
 */
export function templateOf(id: string): Template {
  const found = TEMPLATES.find(template => template.id === id)
  if (found) return found
  throw new PluginError('USAGE', `there is no template ${JSON.stringify(id)}`, {
    hint: `choose one of ${TEMPLATES.map(template => template.id).join(', ')}`,
  })
}
