import type {CommandClass} from '../lib/command.ts'

type Loader = () => Promise<{readonly default: CommandClass}>

/** Every command, by oclif's id; loaded one at a time, since most of them bring something heavy. */
export const LOADERS: Readonly<Record<string, Loader>> = {
  'catalog:ls': () => import('./catalog/ls.ts'),
  'catalog:show': () => import('./catalog/show.ts'),
  'gateway:run': () => import('./gateway/run.ts'),
  'server:disable': () => import('./server/disable.ts'),
  'server:enable': () => import('./server/enable.ts'),
  'server:inspect': () => import('./server/inspect.ts'),
  'server:install': () => import('./server/install.ts'),
  'server:ls': () => import('./server/ls.ts'),
  'server:reset': () => import('./server/reset.ts'),
  'server:search': () => import('./server/search.ts'),
  'server:status': () => import('./server/status.ts'),
  'tools:call': () => import('./tools/call.ts'),
  'tools:count': () => import('./tools/count.ts'),
  'tools:inspect': () => import('./tools/inspect.ts'),
  'tools:ls': () => import('./tools/ls.ts'),
  version: () => import('./version.ts'),
}

/** Other names of commands; docker's own plugin has them. */
export const ALIASES: Readonly<Record<string, string>> = {
  'catalog:list': 'catalog:ls',
  'server:add': 'server:enable',
  'server:list': 'server:ls',
  'server:remove': 'server:disable',
  'server:rm': 'server:disable',
  'tools:list': 'tools:ls',
}
