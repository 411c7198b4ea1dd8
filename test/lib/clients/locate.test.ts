import {chmod, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'

import type {Client} from '../../../src/lib/clients/client.ts'
import {expandPlace} from '../../../src/lib/clients/expand.ts'
import {
  findInstalled,
  isInstalled,
  locateFile,
  locateProjectFile,
  projectRoot,
  type WindowsSide,
} from '../../../src/lib/clients/locate.ts'
import {CLIENTS, findClient} from '../../../src/lib/clients/table.ts'
import {drivesIn, pathOnDrive, windowsAround} from '../../../src/lib/clients/wsl.ts'
import {machine, PLATFORMS} from './machines.ts'

function client(id: string): Client {
  const found = findClient(id)
  if (!found) throw new Error(id)
  return found
}

function fileOf(id: string, ...of: Parameters<typeof machine>): string | undefined {
  const {user} = client(id)
  return user && locateFile(user, machine(...of))
}

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'clients-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return dir
}

const DRIVES = new Map([['C', '/mnt/c']])

/** The Windows of Ann, seen from a Linux in WSL. */
function windows(...files: readonly string[]): WindowsSide {
  return {
    machine: machine('win32', files),
    distribution: 'Ubuntu',
    pathHere: path => pathOnDrive(path, DRIVES),
  }
}

/** A Windows whose cmd.exe writes these lines in UTF-16, as the real one does with /u. */
async function fakeWindows(lines: string): Promise<string> {
  const drive = await folder()
  const system = join(drive, 'Windows', 'System32')
  await mkdir(system, {recursive: true})
  await writeFile(join(drive, 'said'), Buffer.from(lines, 'utf16le'))
  await writeFile(join(system, 'cmd.exe'), '#!/bin/sh\nexec cat said\n')
  await chmod(join(system, 'cmd.exe'), 0o755)
  await writeFile(join(drive, 'mounts'), `C:\\134 ${drive} 9p rw 0 0\n`)
  return drive
}

describe('the file that counts', () => {
  test.each([
    ['opencode', '/home/ann/.config/opencode/opencode.jsonc'],
    ['opencode', '/home/ann/.config/opencode/opencode.json'],
    ['lmstudio', '/home/ann/.lmstudio/mcp.json'],
    ['lmstudio', '/home/ann/.cache/lm-studio/mcp.json'],
    ['windsurf', '/home/ann/.codeium/windsurf/mcp_config.json'],
    ['kimi', '/home/ann/.kimi/mcp.json'],
    ['claude-desktop', '/home/ann/.config/claude/claude_desktop_config.json'],
  ])('of %s is %s when that is there', (id, file) => {
    expect(fileOf(id, 'linux', [file])).toBe(file)
  })

  test.each([
    ['windsurf', '/home/ann/.codeium/windsurf', '/home/ann/.codeium/windsurf/mcp_config.json'],
    [
      'claude-desktop',
      '/home/ann/.config/claude',
      '/home/ann/.config/claude/claude_desktop_config.json',
    ],
    ['kimi', '/home/ann/.kimi', '/home/ann/.kimi/mcp.json'],
  ])('of %s is in the folder that is there: %s', (id, dir, file) => {
    expect(fileOf(id, 'linux', [dir])).toBe(file)
  })

  test('of Antigravity is not in the folder that it has for itself', () => {
    expect(fileOf('antigravity', 'linux', ['/home/ann/.gemini/antigravity'])).toBe(
      '/home/ann/.gemini/config/mcp_config.json',
    )
  })

  test('of Claude Desktop from the store is the copy that it sees', () => {
    const store =
      'C:\\Users\\Ann B\\AppData\\Local\\Packages\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude'
    const plain = 'C:\\Users\\Ann B\\AppData\\Roaming\\Claude\\claude_desktop_config.json'
    expect(fileOf('claude-desktop', 'win32', [store])).toBe(`${store}\\claude_desktop_config.json`)
    expect(fileOf('claude-desktop', 'win32', [plain])).toBe(plain)
    expect(fileOf('claude-desktop', 'win32', [store, plain])).toBe(plain)
    expect(fileOf('claude-desktop', 'win32')).toBe(plain)
  })

  test.each([
    ['codex', {CODEX_HOME: '/c'}, '/c/config.toml'],
    ['codex', {CODEX_HOME: ''}, '/home/ann/.codex/config.toml'],
    ['claude-code', {CLAUDE_CONFIG_DIR: '/c'}, '/c/.claude.json'],
    ['opencode', {XDG_CONFIG_HOME: '/x'}, '/x/opencode/opencode.json'],
    ['cline', {CLINE_MCP_SETTINGS_PATH: '/m.json'}, '/m.json'],
    ['cline', {CLINE_DATA_DIR: '/d'}, '/d/settings/cline_mcp_settings.json'],
    ['cline', {CLINE_DIR: '/d'}, '/d/data/settings/cline_mcp_settings.json'],
    ['cline', {}, '/home/ann/.cline/data/settings/cline_mcp_settings.json'],
    ['goose', {GOOSE_PATH_ROOT: '/g'}, '/g/config/config.yaml'],
    ['gemini', {GEMINI_CLI_HOME: '/g'}, '/g/.gemini/settings.json'],
  ])('of %s follows %o', (id, env, file) => {
    expect(fileOf(id, 'linux', [], env)).toBe(file)
  })

  test('on Windows does not need APPDATA', () => {
    expect(fileOf('vscode', 'win32', [], {})).toBe(
      'C:\\Users\\Ann B\\AppData\\Roaming\\Code\\User\\mcp.json',
    )
    expect(fileOf('vscode', 'win32', [], {aPPdATA: 'D:\\R'})).toBe('D:\\R\\Code\\User\\mcp.json')
  })

  test('is none on a platform that the client does not run on', () => {
    expect(PLATFORMS.map(platform => fileOf('visual-studio', platform))).toEqual([
      undefined,
      undefined,
      'C:\\Users\\Ann B\\.mcp.json',
    ])
  })

  test('in a project is the first that is there', () => {
    const {project} = client('opencode')
    const at = (...files: readonly string[]) =>
      project && locateProjectFile(project, '/p', machine('linux', files))
    expect(at()).toBe('/p/opencode.json')
    expect(at('/p/opencode.jsonc')).toBe('/p/opencode.jsonc')
    expect(at('/p/opencode.jsonc', '/p/opencode.json')).toBe('/p/opencode.json')
  })
})

describe('a client is installed', () => {
  test('nowhere on an empty machine', () => {
    const found = PLATFORMS.flatMap(platform =>
      CLIENTS.filter(one => isInstalled(one, machine(platform))).map(({id}) => `${platform} ${id}`),
    )
    expect(found).toEqual([])
  })

  test('by its file, on every platform that it has one on', () => {
    const missed = PLATFORMS.flatMap(platform =>
      CLIENTS.flatMap(one => {
        const file = fileOf(one.id, platform)
        return file === undefined || isInstalled(one, machine(platform, [file])) ? [] : [one.id]
      }),
    )
    expect(missed).toEqual([])
  })

  test.each([
    ['cursor', 'linux', '/home/ann/.config/Cursor'],
    ['cursor', 'linux', '/home/ann/.cursor'],
    ['cursor', 'darwin', '/Applications/Cursor.app'],
    ['cursor', 'win32', 'C:\\Users\\Ann B\\AppData\\Roaming\\Cursor'],
    ['claude-desktop', 'linux', '/home/ann/.config/Claude'],
    ['claude-desktop', 'darwin', '/Users/ann/Applications/Claude.app'],
    ['claude-desktop', 'win32', 'C:\\Users\\Ann B\\AppData\\Local\\Packages\\Claude_pzs8sxrjxfjjc'],
    ['antigravity', 'linux', '/home/ann/.gemini/antigravity'],
    ['goose', 'win32', 'C:\\Users\\Ann B\\AppData\\Roaming\\Block\\goose'],
    ['gordon', 'win32', 'C:\\Program Files\\Docker\\cli-plugins\\docker-ai.exe'],
    ['gordon', 'darwin', '/Applications/Docker.app/Contents/Resources/cli-plugins/docker-ai'],
  ] as const)('%s on %s by %s', (id, platform, path) => {
    expect(isInstalled(client(id), machine(platform, [path]))).toBe(true)
  })
})

describe('the project', () => {
  test.each([
    ['linux', '/p/a/b', '/p/.git', '/p'],
    ['linux', '/p/a/b', '/p/a/.git', '/p/a'],
    ['linux', '/p', '/.git', '/'],
    ['win32', 'D:\\p\\a', 'D:\\p\\.git', 'D:\\p'],
    ['linux', '/p/a', '/q/.git', undefined],
    ['win32', 'D:\\p', 'C:\\.git', undefined],
  ] as const)('on %s around %s with %s is %s', (platform, cwd, git, root) => {
    expect(projectRoot(cwd, machine(platform, [git]))).toBe(root)
  })
})

describe('in WSL', () => {
  const cursor = 'C:\\Users\\Ann B\\.cursor\\mcp.json'

  test('a client that only Windows has is found there', () => {
    expect(findInstalled(client('cursor'), machine('linux'), windows(cursor))).toEqual({
      file: '/mnt/c/Users/Ann B/.cursor/mcp.json',
      isInstalled: true,
      windows: {file: cursor, distribution: 'Ubuntu'},
    })
  })

  test.each([
    ['it is installed here, too', ['/home/ann/.cursor'], windows(cursor), true],
    ['it is nowhere', [], windows(), false],
    ['Windows cannot be asked', [], undefined, false],
    ['its drive is not mounted', [], {...windows(cursor), pathHere: () => undefined}, false],
  ] as const)('it is the one of this Linux when %s', (_case, files, side, isHere) => {
    expect(findInstalled(client('cursor'), machine('linux', files), side)).toEqual({
      file: '/home/ann/.cursor/mcp.json',
      isInstalled: isHere,
    })
  })

  test('the remote side of VS Code is here, and its editor on Windows', () => {
    const here = machine('linux', ['/home/ann/.vscode-server/data'])
    const there = windows('C:\\Users\\Ann B\\AppData\\Roaming\\Code\\User\\settings.json')
    expect(findInstalled(client('vscode-server'), here, there).file).toBe(
      '/home/ann/.vscode-server/data/User/mcp.json',
    )
    expect(findInstalled(client('vscode'), here, there).file).toBe(
      '/mnt/c/Users/Ann B/AppData/Roaming/Code/User/mcp.json',
    )
  })

  test.each([
    ['C:\\134 /mnt/c 9p rw,dirsync 0 0', {C: '/mnt/c'}],
    ['C: /mnt/c drvfs rw 0 0\nd: /win\\040d drvfs rw 0 0', {C: '/mnt/c', D: '/win d'}],
    ['none /mnt/wsl tmpfs rw 0 0\ndrivers /usr/lib/wsl/drivers 9p ro 0 0', {}],
    ['/dev/sda1 / ext4 rw 0 0\nC: /c ext4 rw 0 0\n', {}],
  ])('drives are mounted as /proc/mounts says: %s', (text, drives) => {
    expect(Object.fromEntries(drivesIn(text))).toEqual(drives)
  })

  test.each([
    ['C:\\Users\\Zoë\\a.json', '/mnt/c/Users/Zoë/a.json'],
    ['c:/Users', '/mnt/c/Users'],
    ['D:\\a', undefined],
    ['\\\\server\\share\\a', undefined],
    ['a', undefined],
  ])('%s is %s here', (path, here) => {
    expect(pathOnDrive(path, DRIVES)).toBe(here)
  })

  test('Windows itself says where its folders are', async () => {
    const drive = await fakeWindows(
      'USERPROFILE=C:\\Users\\Zoë\r\nAPPDATA=%APPDATA%\r\nLOCALAPPDATA=C:\\L\r\n',
    )
    await mkdir(join(drive, 'Users', 'Zoë', '.cursor'), {recursive: true})
    const side = await windowsAround({
      env: {WSL_DISTRO_NAME: 'Debian'},
      mounts: join(drive, 'mounts'),
    })
    expect(side?.machine.env).toEqual({USERPROFILE: 'C:\\Users\\Zoë', LOCALAPPDATA: 'C:\\L'})
    expect(findInstalled(client('cursor'), machine('linux'), side)).toEqual({
      file: join(drive, 'Users/Zoë/.cursor/mcp.json'),
      isInstalled: true,
      windows: {file: 'C:\\Users\\Zoë\\.cursor\\mcp.json', distribution: 'Debian'},
    })
  })

  test('nothing is guessed when Windows does not say it', async () => {
    const drive = await fakeWindows('USERPROFILE=%USERPROFILE%\r\n')
    const mounts = join(drive, 'mounts')
    const ask = (env: NodeJS.ProcessEnv, file = mounts) => windowsAround({env, mounts: file})
    expect(await ask({WSL_DISTRO_NAME: 'Debian'})).toBeUndefined()
    expect(await ask({})).toBeUndefined()
    expect(await ask({WSL_DISTRO_NAME: 'Debian'}, join(drive, 'none'))).toBeUndefined()
    await rm(join(drive, 'Windows'), {recursive: true})
    expect(await ask({WSL_DISTRO_NAME: 'Debian'})).toBeUndefined()
  })
})

describe('a place', () => {
  test.each([
    ['$HOME/a', {HOME: '/h'}, '/h/a'],
    ['$NONE/a', {HOME: '/h'}, undefined],
    ['${X:-$HOME/.c}/a', {HOME: '/h'}, '/h/.c/a'],
    ['${X:-$HOME/.c}/a', {HOME: '/h', X: '/x'}, '/x/a'],
    ['${X:-${Y:-$HOME}/b}/a', {HOME: '/h', Y: '/y'}, '/y/b/a'],
    ['${X:-$NONE}/a', {HOME: '/h'}, undefined],
    ['${X}/a', {}, undefined],
    ['/a/$', {}, undefined],
  ])('%s with %o is %s', (place, env: Readonly<Record<string, string>>, path) => {
    expect(expandPlace(place, name => env[name])).toBe(path)
  })

  test('takes values as they are', () => {
    fc.assert(
      fc.property(fc.string({minLength: 1}), fc.string(), (value, other) => {
        const valueOf = (name: string) => (name === 'HOME' ? value : other)
        expect(expandPlace('a${X:-$HOME/b}c', valueOf)).toBe(`a${other || `${value}/b`}c`)
      }),
    )
  })
})
