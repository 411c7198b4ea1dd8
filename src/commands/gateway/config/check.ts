import {resolve} from 'node:path'
import {Args} from '@oclif/core'
import {formatFlag, PluginCommand} from '../../../lib/command.ts'
import {problemLine} from '../../../lib/files/gateway-file.ts'
import {reportGatewayFile, type GatewayFileReport} from '../../../lib/gateway-file-report.ts'
import {GatewaySettings} from '../../../lib/gateway-settings.ts'
import {print} from '../../../lib/ui/format.ts'

export default class GatewayConfigCheck extends PluginCommand {
  static override summary = 'check the gateway file, and say everything that is wrong with it'
  static override description =
    'Checks mcp-gateway-config.yaml of the state folder, or the file that is named, with the files that it refers to. Everything that is wrong is told with its line and column, and the exit code is 1. Variables that are not set are told, and are no error: what they stand for is missing.'
  static override examples = [
    '<%= config.bin %> gateway config check',
    {
      description: 'a file that is not in its place yet',
      command: '<%= config.bin %> gateway config check ./mcp-gateway-config.yaml',
    },
  ]
  static override args = {
    file: Args.string({description: 'the file, instead of mcp-gateway-config.yaml'}),
  }
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {args, flags} = await this.parse(GatewayConfigCheck)
    const {cwd, io, process} = this.app
    const file =
      args.file === undefined ? new GatewaySettings(this.app).file : resolve(cwd, args.file)
    const report = await reportGatewayFile(file, this.app)
    await print(io, report, {format: flags.format, human: reportLines})
    if (!report.valid) process.exitCode = 1
  }
}

function reportLines({file, valid, problems, missing, warnings}: GatewayFileReport): string {
  const lines = [
    ...problems.map(problem => problemLine(file, problem)),
    ...missing,
    ...warnings.map(warning => `! ${warning}`),
    ...(valid ? [`${file} is right.`] : []),
  ]
  return `${lines.join('\n')}\n`
}
