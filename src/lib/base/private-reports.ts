/**
 * Keeps secrets out of Node's diagnostic reports, where somebody has asked for them (`--report-…`): they would have the
 * whole environment, and the message of the error.
 */
export function keepReportsPrivate(process: NodeJS.Process): void {
  const asked = [process.env['NODE_OPTIONS'], ...process.execArgv].join(' ')
  if (!asked.includes('report')) return
  Object.assign(process.report, {
    excludeEnv: true,
    excludeNetwork: true,
    reportOnUncaughtException: false,
  })
}
