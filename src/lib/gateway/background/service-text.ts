import {win32} from 'node:path'
import {PluginError} from '../../base/errors.ts'

/** What a system needs to know to keep a gateway running. */
export interface Service {
  /** The gateway's. */
  readonly name: string
  /** The program and its words, by whole paths. */
  readonly command: readonly string[]
  readonly cwd: string
  /** What the gateway needs of the environment; nothing in it is secret. */
  readonly env: Readonly<Record<string, string>>
  readonly log: string
}

/** A unit of the user's own systemd (systemd.service(5), systemd.exec(5), systemd.syntax(7)). */
export function systemdUnit({name, command, cwd, env, log}: Service): string {
  const variables = Object.entries(env).map(
    ([key, value]) => `Environment=${systemdWord(`${key}=${value}`)}`,
  )
  return lines(
    '[Unit]',
    `Description=MCP gateway ${name} of docker mcp`,
    // The engine may be late: never give up.
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    // The colon: a dollar sign is no variable.
    `ExecStart=:${command.map(systemdWord).join(' ')}`,
    `WorkingDirectory=${systemdPath(cwd)}`,
    ...variables,
    `StandardOutput=append:${systemdPath(log)}`,
    `StandardError=append:${systemdPath(log)}`,
    'UMask=0077',
    'Restart=on-failure',
    // Tries cost processor time; a client that waits has it started at once.
    'RestartSec=5',
    // The watchdog clears away what a killed gateway leaves.
    'KillMode=process',
    'TimeoutStopSec=30',
    '',
    '[Install]',
    'WantedBy=default.target',
  )
}

/** An agent of launchd (launchd.plist(5)). */
export function launchdPlist(service: Service): string {
  const {command, cwd, env, log} = service
  return lines(
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    ...entry('Label', string(launchdLabel(service.name))),
    ...entry('ProgramArguments', '<array>', ...command.map(string), '</array>'),
    ...entry('WorkingDirectory', string(cwd)),
    ...entry(
      'EnvironmentVariables',
      '<dict>',
      ...Object.entries(env).flatMap(([key, value]) => entry(key, string(value))),
      '</dict>',
    ),
    ...entry('StandardOutPath', string(log)),
    ...entry('StandardErrorPath', string(log)),
    ...entry('Umask', '<integer>63</integer>'),
    ...entry('RunAtLoad', '<true/>'),
    ...entry('KeepAlive', '<dict>', ...entry('SuccessfulExit', '<false/>'), '</dict>'),
    // Else the watchdog would end with the gateway.
    ...entry('AbandonProcessGroup', '<true/>'),
    ...entry('ExitTimeOut', '<integer>30</integer>'),
    ...entry('ProcessType', string('Background')),
    '</dict>',
    '</plist>',
  )
}

/** A task of Windows's scheduler, for each logon of this user (Task Scheduler 1.2 schema). */
export function windowsTask({command, cwd}: Service, user: string): string {
  const [program = '', ...words] = command
  return lines(
    '<?xml version="1.0"?>',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    `  <Triggers><LogonTrigger><Enabled>true</Enabled><UserId>${xml(user)}</UserId></LogonTrigger></Triggers>`,
    `  <Principals><Principal id="Author"><UserId>${xml(user)}</UserId><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal></Principals>`,
    '  <Settings>',
    '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
    '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
    '    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
    '    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>',
    '    <RestartOnFailure><Interval>PT1M</Interval><Count>10</Count></RestartOnFailure>',
    '  </Settings>',
    '  <Actions Context="Author">',
    '    <Exec>',
    `      <Command>${xml(program)}</Command>`,
    `      <Arguments>${xml(words.map(windowsWord).join(' '))}</Arguments>`,
    `      <WorkingDirectory>${xml(win32.normalize(cwd))}</WorkingDirectory>`,
    '    </Exec>',
    '  </Actions>',
    '</Task>',
  )
}

/** By which systemd knows a gateway. */
export function systemdName(name: string): string {
  return `docker-mcp-gateway-${name}.service`
}

/** By which launchd knows a gateway. */
export function launchdLabel(name: string): string {
  return `docker-mcp-gateway.${name}`
}

/** One word of a command line, or of a list of variables (systemd.syntax(7), quoting; systemd.unit(5), specifiers). */
function systemdWord(text: string): string {
  return `"${plain(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`
}

/** A path that is a value by itself: nothing in it is quoted, but specifiers are replaced. */
function systemdPath(path: string): string {
  // One at the end would go on with the next line (systemd.syntax(7)); the slash changes no path.
  return plain(path).replaceAll('%', '%%').replace(/\\$/, '\\/')
}

/** As the C runtime takes a command line apart: backslashes count only in front of a quotation mark. */
function windowsWord(text: string): string {
  if (text !== '' && !/[\s"]/.test(text)) return text
  return `"${text.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, '$&$&')}"`
}

function entry(key: string, ...value: readonly string[]): readonly string[] {
  return [`<key>${xml(key)}</key>`, ...value]
}

function string(text: string): string {
  return `<string>${xml(text)}</string>`
}

function xml(text: string): string {
  return plain(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** @throws PluginError USAGE for what would begin a line of its own, or that XML cannot hold */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  if (!/[\u0000-\u001f\u007f\ufffe\uffff]/.test(text)) return text
  throw new PluginError('USAGE', `${JSON.stringify(text)} cannot be written into a service`, {
    hint: 'use a path, a flag and a variable without control characters',
  })
}

function lines(...all: readonly string[]): string {
  return all.map(line => `${line}\n`).join('')
}
