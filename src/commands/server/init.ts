import {Args, Flags} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {initServer, LANGUAGES} from '../../lib/server-init.ts'

const TITLES = {typescript: 'TypeScript', python: 'Python'} as const

export default class ServerInit extends PluginCommand {
  static override summary = 'begin a new server: its program, a Dockerfile and a catalog'
  static override description =
    'The server has one tool, and everything that it takes to build its image and to use it.'
  static override examples = [
    '<%= config.bin %> server init my-server',
    '<%= config.bin %> server init my-server --language python',
  ]
  static override args = {
    directory: Args.string({description: 'a folder that is new, or empty', required: true}),
  }
  static override flags = {
    language: Flags.custom<(typeof LANGUAGES)[number]>({
      summary: 'what it is written in',
      options: [...LANGUAGES],
      default: 'typescript',
    })(),
    template: Flags.string({summary: 'what it begins with', options: ['basic'], default: 'basic'}),
    name: Flags.string({
      summary: 'name of the server, when it is not that of the folder',
      helpValue: '<name>',
    }),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ServerInit)
    const {io, cwd, templates} = this.app
    const {name, image, dir, files} = await initServer({
      dir: args.directory,
      language: flags.language,
      name: flags.name,
      templates,
      cwd,
    })
    io.err(`${name} is written in ${TITLES[flags.language]}; --language has the others\n`)
    for (const file of files) io.err(`made ${file}\n`)
    io.err(
      [
        `${name} is in ${dir}. Next:`,
        `  cd ${args.directory}`,
        `  docker build -t ${image} .`,
        '  docker mcp catalog import ./catalog.yaml',
        `  docker mcp server enable ${name}`,
        '  docker mcp tools call greet name=you',
        '',
      ].join('\n'),
    )
  }
}
