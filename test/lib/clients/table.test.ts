import {describe, expect, test} from 'vitest'

import type {Client, ClientFile, Platform} from '../../../src/lib/clients/client.ts'
import {dockerVariables, launchOf} from '../../../src/lib/clients/launch.ts'
import {locateFile} from '../../../src/lib/clients/locate.ts'
import {CLIENTS, findClient} from '../../../src/lib/clients/table.ts'
import {machine, PLATFORMS} from './machines.ts'

const LAUNCH = {command: 'docker', args: ['mcp', 'gateway', 'run', '--profile', 'dev']}
const ON_WINDOWS = {...LAUNCH, env: {ProgramData: 'C:\\ProgramData'}}
const REMOTE = {url: 'http://127.0.0.1:8811/mcp', token: 'tok'}

function client(id: string): Client {
  const found = findClient(id)
  if (!found) throw new Error(id)
  return found
}

function userFile(id: string, platform: Platform): string | undefined {
  const {user} = client(id)
  return user && locateFile(user, machine(platform))
}

/** What becomes of a file that has nothing but our entry, as JSON. */
function written(file: ClientFile, entry: object): string {
  const named = file.list ? [{[file.list.nameKey]: file.key, ...entry}] : {[file.key]: entry}
  return JSON.stringify(
    file.container.toReversed().reduce<unknown>((inner, key) => ({[key]: inner}), named),
  )
}

describe('the table of clients', () => {
  test('has docker’s sixteen and more than fourteen others', () => {
    const docker =
      'claude-code claude-desktop cline codex continue crush cursor gemini goose gordon kiro lmstudio opencode sema4 vscode zed'
    const ids = CLIENTS.map(({id}) => id)
    expect(ids).toEqual(expect.arrayContaining(docker.split(' ')))
    expect(ids.length - docker.split(' ').length).toBeGreaterThan(14)
  })

  test('has each name once', () => {
    const names = CLIENTS.flatMap(({id, aliases = []}) => [id, ...aliases])
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  test('finds a client by its names, however they are written', () => {
    expect(findClient('Droid')?.id).toBe('factory')
    expect(findClient('cursor')?.id).toBe('cursor')
    expect(findClient('nobody')).toBeUndefined()
  })

  test('says of each how it gets connected', () => {
    const ways = CLIENTS.map(
      ({user, manual}) => [user, manual].filter(way => way !== undefined).length,
    )
    expect(new Set(ways)).toEqual(new Set([1]))
  })

  test('says what is uncertain where something is', () => {
    const silent = CLIENTS.filter(({certainty, note}) => certainty === 'uncertain' && !note)
    expect(silent.map(({id}) => id)).toEqual([])
  })

  // What is known of Gordon is what docker's own plugin does.
  test('names the page of each that its makers document, and of no other', () => {
    const without = CLIENTS.filter(one => one.certainty === 'documented' && !one.page)
    const besides = CLIENTS.filter(one => one.certainty !== 'documented' && one.page)
    expect([without.map(({id}) => id), besides]).toEqual([['gordon'], []])
  })

  test.each([
    [
      'claude-code',
      '/home/ann/.claude.json',
      '/Users/ann/.claude.json',
      'C:\\Users\\Ann B\\.claude.json',
    ],
    [
      'continue',
      '/home/ann/.continue/config.yaml',
      '/Users/ann/.continue/config.yaml',
      'C:\\Users\\Ann B\\.continue\\config.yaml',
    ],
    [
      'codex',
      '/home/ann/.codex/config.toml',
      '/Users/ann/.codex/config.toml',
      'C:\\Users\\Ann B\\.codex\\config.toml',
    ],
    [
      'crush',
      '/home/ann/.config/crush/crush.json',
      '/Users/ann/.config/crush/crush.json',
      'C:\\Users\\Ann B\\AppData\\Local\\crush\\crush.json',
    ],
    [
      'cursor',
      '/home/ann/.cursor/mcp.json',
      '/Users/ann/.cursor/mcp.json',
      'C:\\Users\\Ann B\\.cursor\\mcp.json',
    ],
    [
      'gemini',
      '/home/ann/.gemini/settings.json',
      '/Users/ann/.gemini/settings.json',
      'C:\\Users\\Ann B\\.gemini\\settings.json',
    ],
    [
      'goose',
      '/home/ann/.config/goose/config.yaml',
      '/Users/ann/.config/goose/config.yaml',
      'C:\\Users\\Ann B\\AppData\\Roaming\\Block\\goose\\config\\config.yaml',
    ],
    [
      'kiro',
      '/home/ann/.kiro/settings/mcp.json',
      '/Users/ann/.kiro/settings/mcp.json',
      'C:\\Users\\Ann B\\.kiro\\settings\\mcp.json',
    ],
    [
      'lmstudio',
      '/home/ann/.lmstudio/mcp.json',
      '/Users/ann/.lmstudio/mcp.json',
      'C:\\Users\\Ann B\\.lmstudio\\mcp.json',
    ],
    [
      'opencode',
      '/home/ann/.config/opencode/opencode.json',
      '/Users/ann/.config/opencode/opencode.json',
      'C:\\Users\\Ann B\\.config\\opencode\\opencode.json',
    ],
    [
      'sema4',
      '/home/ann/.sema4ai/sema4ai-studio/mcp_servers.json',
      '/Users/ann/.sema4ai/sema4ai-studio/mcp_servers.json',
      'C:\\Users\\Ann B\\AppData\\Local\\sema4ai\\sema4ai-studio\\mcp_servers.json',
    ],
    [
      'vscode',
      '/home/ann/.config/Code/User/mcp.json',
      '/Users/ann/Library/Application Support/Code/User/mcp.json',
      'C:\\Users\\Ann B\\AppData\\Roaming\\Code\\User\\mcp.json',
    ],
  ])('puts %s where docker’s plugin does', (id, ...files) => {
    expect(PLATFORMS.map(platform => userFile(id, platform))).toEqual(files)
  })

  test.each([
    ['linux', 'claude-desktop', '/home/ann/.config/claude/claude_desktop_config.json'],
    [
      'linux',
      'cline',
      '/home/ann/.config/Cursor/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json',
    ],
    ['win32', 'zed', 'C:\\Users\\Ann B\\.config\\zed\\settings.json'],
  ] as const)('takes docker’s place on %s for %s when a file is there', (platform, id, file) => {
    const {user} = client(id)
    expect(user && locateFile(user, machine(platform, [file]))).toBe(file)
  })

  // clients.md section 4, in docker's own order of keys.
  test.each([
    [
      'cursor',
      '{"mcpServers":{"MCP_DOCKER":{"command":"docker","args":["mcp","gateway","run","--profile","dev"]}}}',
    ],
    [
      'vscode',
      '{"servers":{"MCP_DOCKER":{"command":"docker","args":["mcp","gateway","run","--profile","dev"],"type":"stdio"}}}',
    ],
    [
      'sema4',
      '{"mcpServers":{"MCP_DOCKER":{"command":"docker","args":["mcp","gateway","run","--profile","dev"],"transport":"stdio"}}}',
    ],
    [
      'crush',
      '{"mcp":{"MCP_DOCKER":{"command":"docker","args":["mcp","gateway","run","--profile","dev"],"type":"stdio"}}}',
    ],
    [
      'opencode',
      '{"mcp":{"MCP_DOCKER":{"type":"local","command":["docker","mcp","gateway","run","--profile","dev"],"enabled":true}}}',
    ],
    [
      'zed',
      '{"context_servers":{"MCP_DOCKER":{"source":"custom","enabled":true,"command":"docker","args":["mcp","gateway","run","--profile","dev"]}}}',
    ],
    [
      'continue',
      '{"mcpServers":[{"name":"MCP_DOCKER","command":"docker","args":["mcp","gateway","run","--profile","dev"]}]}',
    ],
    [
      'codex',
      '{"mcp_servers":{"MCP_DOCKER":{"command":"docker","args":["mcp","gateway","run","--profile","dev"]}}}',
    ],
  ])('writes into %s what docker’s plugin does', (id, text) => {
    const {user} = client(id)
    expect(user && written(user, user.entry(LAUNCH))).toBe(text)
  })

  test('gives each client the variables that Windows needs, under its own word', () => {
    const entries = CLIENTS.flatMap(({id, user}) =>
      user ? [[id, user.entry(ON_WINDOWS)] as const] : [],
    )
    const words = entries.map(([id, {env, envs, environment}]) => [id, env ?? envs ?? environment])
    expect(words).toEqual(entries.map(([id]) => [id, ON_WINDOWS.env]))
  })

  test('puts the token into a header and nowhere else', () => {
    const files = CLIENTS.flatMap(({user, project, shown}) => [user, project, shown]).filter(
      file => file?.urlEntry,
    )
    for (const file of files) {
      const text = JSON.stringify(file?.urlEntry?.(REMOTE))
      expect(text.split('tok')).toHaveLength(2)
      expect(text).toContain('{"Authorization":"Bearer tok"}')
      expect(JSON.stringify(file?.urlEntry?.({url: REMOTE.url}))).not.toContain('Authorization')
    }
    expect(files.length).toBeGreaterThan(60)
  })

  test('has these files', () => {
    const lines = CLIENTS.flatMap(({id, project}) => [
      ...PLATFORMS.map(platform => `${id} ${platform} ${userFile(id, platform) ?? '-'}`),
      ...(project ? [`${id} project ${[project.path, ...(project.others ?? [])].join(' ')}`] : []),
    ])
    expect(`${lines.join('\n')}\n`).toMatchInlineSnapshot(`
      "amazon-q linux /home/ann/.aws/amazonq/mcp.json
      amazon-q darwin /Users/ann/.aws/amazonq/mcp.json
      amazon-q win32 C:\\Users\\Ann B\\.aws\\amazonq\\mcp.json
      amazon-q project .amazonq/mcp.json
      amp linux /home/ann/.config/amp/settings.json
      amp darwin /Users/ann/.config/amp/settings.json
      amp win32 C:\\Users\\Ann B\\AppData\\Roaming\\amp\\settings.json
      amp project .amp/settings.json .amp/settings.jsonc
      antigravity linux /home/ann/.gemini/config/mcp_config.json
      antigravity darwin /Users/ann/.gemini/config/mcp_config.json
      antigravity win32 C:\\Users\\Ann B\\.gemini\\config\\mcp_config.json
      antigravity project .agents/mcp_config.json
      augment linux /home/ann/.augment/settings.json
      augment darwin /Users/ann/.augment/settings.json
      augment win32 C:\\Users\\Ann B\\.augment\\settings.json
      augment project .augment/settings.json
      claude-code linux /home/ann/.claude.json
      claude-code darwin /Users/ann/.claude.json
      claude-code win32 C:\\Users\\Ann B\\.claude.json
      claude-code project .mcp.json
      claude-desktop linux /home/ann/.config/Claude/claude_desktop_config.json
      claude-desktop darwin /Users/ann/Library/Application Support/Claude/claude_desktop_config.json
      claude-desktop win32 C:\\Users\\Ann B\\AppData\\Roaming\\Claude\\claude_desktop_config.json
      cline linux /home/ann/.cline/data/settings/cline_mcp_settings.json
      cline darwin /Users/ann/.cline/data/settings/cline_mcp_settings.json
      cline win32 C:\\Users\\Ann B\\.cline\\data\\settings\\cline_mcp_settings.json
      codex linux /home/ann/.codex/config.toml
      codex darwin /Users/ann/.codex/config.toml
      codex win32 C:\\Users\\Ann B\\.codex\\config.toml
      codex project .codex/config.toml
      continue linux /home/ann/.continue/config.yaml
      continue darwin /Users/ann/.continue/config.yaml
      continue win32 C:\\Users\\Ann B\\.continue\\config.yaml
      copilot-cli linux /home/ann/.copilot/mcp-config.json
      copilot-cli darwin /Users/ann/.copilot/mcp-config.json
      copilot-cli win32 C:\\Users\\Ann B\\.copilot\\mcp-config.json
      copilot-cli project .github/mcp.json
      copilot-jetbrains linux /home/ann/.config/github-copilot/intellij/mcp.json
      copilot-jetbrains darwin /Users/ann/.config/github-copilot/intellij/mcp.json
      copilot-jetbrains win32 C:\\Users\\Ann B\\AppData\\Local\\github-copilot\\intellij\\mcp.json
      crush linux /home/ann/.config/crush/crush.json
      crush darwin /Users/ann/.config/crush/crush.json
      crush win32 C:\\Users\\Ann B\\AppData\\Local\\crush\\crush.json
      crush project .crush.json crush.json
      cursor linux /home/ann/.cursor/mcp.json
      cursor darwin /Users/ann/.cursor/mcp.json
      cursor win32 C:\\Users\\Ann B\\.cursor\\mcp.json
      cursor project .cursor/mcp.json
      factory linux /home/ann/.factory/mcp.json
      factory darwin /Users/ann/.factory/mcp.json
      factory win32 C:\\Users\\Ann B\\.factory\\mcp.json
      factory project .factory/mcp.json
      gemini linux /home/ann/.gemini/settings.json
      gemini darwin /Users/ann/.gemini/settings.json
      gemini win32 C:\\Users\\Ann B\\.gemini\\settings.json
      gemini project .gemini/settings.json
      goose linux /home/ann/.config/goose/config.yaml
      goose darwin /Users/ann/.config/goose/config.yaml
      goose win32 C:\\Users\\Ann B\\AppData\\Roaming\\Block\\goose\\config\\config.yaml
      gordon linux -
      gordon darwin -
      gordon win32 -
      grok linux /home/ann/.grok/config.toml
      grok darwin /Users/ann/.grok/config.toml
      grok win32 C:\\Users\\Ann B\\.grok\\config.toml
      grok project .grok/config.toml
      jetbrains-ai linux -
      jetbrains-ai darwin -
      jetbrains-ai win32 -
      junie linux /home/ann/.junie/mcp/mcp.json
      junie darwin /Users/ann/.junie/mcp/mcp.json
      junie win32 C:\\Users\\Ann B\\.junie\\mcp\\mcp.json
      junie project .junie/mcp/mcp.json
      kilo linux /home/ann/.config/kilo/kilo.jsonc
      kilo darwin /Users/ann/.config/kilo/kilo.jsonc
      kilo win32 C:\\Users\\Ann B\\.config\\kilo\\kilo.jsonc
      kilo project .kilo/kilo.jsonc .kilo/kilo.json kilo.jsonc kilo.json
      kimi linux /home/ann/.kimi-code/mcp.json
      kimi darwin /Users/ann/.kimi-code/mcp.json
      kimi win32 C:\\Users\\Ann B\\.kimi-code\\mcp.json
      kimi project .kimi-code/mcp.json
      kiro linux /home/ann/.kiro/settings/mcp.json
      kiro darwin /Users/ann/.kiro/settings/mcp.json
      kiro win32 C:\\Users\\Ann B\\.kiro\\settings\\mcp.json
      kiro project .kiro/settings/mcp.json
      lmstudio linux /home/ann/.lmstudio/mcp.json
      lmstudio darwin /Users/ann/.lmstudio/mcp.json
      lmstudio win32 C:\\Users\\Ann B\\.lmstudio\\mcp.json
      mistral-vibe linux /home/ann/.vibe/config.toml
      mistral-vibe darwin /Users/ann/.vibe/config.toml
      mistral-vibe win32 C:\\Users\\Ann B\\.vibe\\config.toml
      mistral-vibe project .vibe/config.toml
      opencode linux /home/ann/.config/opencode/opencode.json
      opencode darwin /Users/ann/.config/opencode/opencode.json
      opencode win32 C:\\Users\\Ann B\\.config\\opencode\\opencode.json
      opencode project opencode.json opencode.jsonc
      qoder linux /home/ann/.config/Qoder/SharedClientCache/mcp.json
      qoder darwin /Users/ann/Library/Application Support/Qoder/SharedClientCache/mcp.json
      qoder win32 C:\\Users\\Ann B\\AppData\\Roaming\\Qoder\\SharedClientCache\\mcp.json
      qoder-cli linux /home/ann/.qoder/settings.json
      qoder-cli darwin /Users/ann/.qoder/settings.json
      qoder-cli win32 C:\\Users\\Ann B\\.qoder\\settings.json
      qoder-cli project .mcp.json
      qwen-code linux /home/ann/.qwen/settings.json
      qwen-code darwin /Users/ann/.qwen/settings.json
      qwen-code win32 C:\\Users\\Ann B\\.qwen\\settings.json
      qwen-code project .qwen/settings.json
      roo-code linux /home/ann/.config/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json
      roo-code darwin /Users/ann/Library/Application Support/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json
      roo-code win32 C:\\Users\\Ann B\\AppData\\Roaming\\Code\\User\\globalStorage\\rooveterinaryinc.roo-cline\\settings\\mcp_settings.json
      roo-code project .roo/mcp.json
      rovodev linux /home/ann/.rovodev/mcp.json
      rovodev darwin /Users/ann/.rovodev/mcp.json
      rovodev win32 C:\\Users\\Ann B\\.rovodev\\mcp.json
      sema4 linux /home/ann/.sema4ai/sema4ai-studio/mcp_servers.json
      sema4 darwin /Users/ann/.sema4ai/sema4ai-studio/mcp_servers.json
      sema4 win32 C:\\Users\\Ann B\\AppData\\Local\\sema4ai\\sema4ai-studio\\mcp_servers.json
      trae linux /home/ann/.config/Trae/User/mcp.json
      trae darwin /Users/ann/Library/Application Support/Trae/User/mcp.json
      trae win32 C:\\Users\\Ann B\\AppData\\Roaming\\Trae\\User\\mcp.json
      trae project .trae/mcp.json
      visual-studio linux -
      visual-studio darwin -
      visual-studio win32 C:\\Users\\Ann B\\.mcp.json
      vscode linux /home/ann/.config/Code/User/mcp.json
      vscode darwin /Users/ann/Library/Application Support/Code/User/mcp.json
      vscode win32 C:\\Users\\Ann B\\AppData\\Roaming\\Code\\User\\mcp.json
      vscode project .vscode/mcp.json
      vscode-insiders linux /home/ann/.config/Code - Insiders/User/mcp.json
      vscode-insiders darwin /Users/ann/Library/Application Support/Code - Insiders/User/mcp.json
      vscode-insiders win32 C:\\Users\\Ann B\\AppData\\Roaming\\Code - Insiders\\User\\mcp.json
      vscode-server linux /home/ann/.vscode-server/data/User/mcp.json
      vscode-server darwin /Users/ann/.vscode-server/data/User/mcp.json
      vscode-server win32 -
      vscodium linux /home/ann/.config/VSCodium/User/mcp.json
      vscodium darwin /Users/ann/Library/Application Support/VSCodium/User/mcp.json
      vscodium win32 C:\\Users\\Ann B\\AppData\\Roaming\\VSCodium\\User\\mcp.json
      warp linux /home/ann/.warp/.mcp.json
      warp darwin /Users/ann/.warp/.mcp.json
      warp win32 C:\\Users\\Ann B\\.warp\\.mcp.json
      warp project .warp/.mcp.json
      windsurf linux /home/ann/.config/devin/mcp_config.json
      windsurf darwin /Users/ann/.config/devin/mcp_config.json
      windsurf win32 C:\\Users\\Ann B\\AppData\\Roaming\\devin\\mcp_config.json
      windsurf-jetbrains linux /home/ann/.codeium/mcp_config.json
      windsurf-jetbrains darwin /Users/ann/.codeium/mcp_config.json
      windsurf-jetbrains win32 C:\\Users\\Ann B\\.codeium\\mcp_config.json
      zed linux /home/ann/.config/zed/settings.json
      zed darwin /Users/ann/.config/zed/settings.json
      zed win32 C:\\Users\\Ann B\\AppData\\Roaming\\Zed\\settings.json
      zed project .zed/settings.json
      "
    `)
  })

  test('has these entries', () => {
    const lines = CLIENTS.flatMap(({id, user, project, shown}) =>
      [user, project, shown].flatMap(file =>
        file
          ? [
              `${id} ${[...file.container, file.key].join(' > ')}`,
              `  ${JSON.stringify(file.entry({command: 'docker', args: ['run'], env: {A: 'b'}}))}`,
              `  ${JSON.stringify(file.urlEntry?.(REMOTE)) ?? 'no address'}`,
            ]
          : [],
      ),
    )
    expect(`${[...new Set([lines.join('\n')])].join('')}\n`).toMatchInlineSnapshot(`
      "amazon-q mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      amazon-q mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      amp amp.mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      amp amp.mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      antigravity mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"serverUrl":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      antigravity mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"serverUrl":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      augment mcpServers > MCP_DOCKER
        {"type":"stdio","command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      augment mcpServers > MCP_DOCKER
        {"type":"stdio","command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      claude-code mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      claude-code mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      claude-desktop mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        no address
      cline mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"streamableHttp","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      codex mcp_servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","http_headers":{"Authorization":"Bearer tok"}}
      codex mcp_servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","http_headers":{"Authorization":"Bearer tok"}}
      continue mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"streamable-http","url":"http://127.0.0.1:8811/mcp","requestOptions":{"headers":{"Authorization":"Bearer tok"}}}
      copilot-cli mcpServers > MCP_DOCKER
        {"type":"local","command":"docker","args":["run"],"env":{"A":"b"},"tools":["*"]}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"},"tools":["*"]}
      copilot-cli mcpServers > MCP_DOCKER
        {"type":"local","command":"docker","args":["run"],"env":{"A":"b"},"tools":["*"]}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"},"tools":["*"]}
      copilot-jetbrains servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"url":"http://127.0.0.1:8811/mcp","requestInit":{"headers":{"Authorization":"Bearer tok"}}}
      crush mcp > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      crush mcp > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      cursor mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      cursor mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      factory mcpServers > MCP_DOCKER
        {"type":"stdio","command":"docker","args":["run"],"env":{"A":"b"},"disabled":false}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"},"disabled":false}
      factory mcpServers > MCP_DOCKER
        {"type":"stdio","command":"docker","args":["run"],"env":{"A":"b"},"disabled":false}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"},"disabled":false}
      gemini mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"httpUrl":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      gemini mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"httpUrl":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      goose extensions > mcpdocker
        {"args":["run"],"bundled":null,"cmd":"docker","description":"MCP servers in containers, through docker mcp","enabled":true,"env_keys":[],"envs":{"A":"b"},"name":"mcpdocker","timeout":300,"type":"stdio"}
        {"bundled":null,"description":"MCP servers in containers, through docker mcp","enabled":true,"env_keys":[],"envs":{},"headers":{"Authorization":"Bearer tok"},"name":"mcpdocker","timeout":300,"type":"streamable_http","uri":"http://127.0.0.1:8811/mcp"}
      grok mcp_servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      grok mcp_servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      jetbrains-ai mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      junie mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      junie mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      kilo mcp > MCP_DOCKER
        {"type":"local","command":["docker","run"],"environment":{"A":"b"},"enabled":true}
        {"type":"remote","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"},"enabled":true}
      kilo mcp > MCP_DOCKER
        {"type":"local","command":["docker","run"],"environment":{"A":"b"},"enabled":true}
        {"type":"remote","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"},"enabled":true}
      kimi mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      kimi mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      kiro mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      kiro mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      lmstudio mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      mistral-vibe mcp_servers > MCP_DOCKER
        {"transport":"stdio","command":"docker","args":["run"],"env":{"A":"b"}}
        {"transport":"streamable-http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      mistral-vibe mcp_servers > MCP_DOCKER
        {"transport":"stdio","command":"docker","args":["run"],"env":{"A":"b"}}
        {"transport":"streamable-http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      opencode mcp > MCP_DOCKER
        {"type":"local","command":["docker","run"],"environment":{"A":"b"},"enabled":true}
        {"type":"remote","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"},"enabled":true}
      opencode mcp > MCP_DOCKER
        {"type":"local","command":["docker","run"],"environment":{"A":"b"},"enabled":true}
        {"type":"remote","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"},"enabled":true}
      qoder mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      qoder-cli mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      qoder-cli mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      qwen-code mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"httpUrl":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      qwen-code mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"httpUrl":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      roo-code mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"streamable-http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      roo-code mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"type":"streamable-http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      rovodev mcpServers > MCP_DOCKER
        {"transport":"stdio","command":"docker","args":["run"],"env":{"A":"b"}}
        {"transport":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      sema4 mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"transport":"stdio"}
        {"transport":"streamable-http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      trae mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      trae mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      visual-studio servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      vscode servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      vscode servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      vscode-insiders servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      vscode-server servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      vscodium servers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"},"type":"stdio"}
        {"type":"http","url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      warp mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      warp mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      windsurf mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      windsurf-jetbrains mcpServers > MCP_DOCKER
        {"command":"docker","args":["run"],"env":{"A":"b"}}
        {"serverUrl":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      zed context_servers > MCP_DOCKER
        {"source":"custom","enabled":true,"command":"docker","args":["run"],"env":{"A":"b"}}
        {"enabled":true,"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      zed context_servers > MCP_DOCKER
        {"source":"custom","enabled":true,"command":"docker","args":["run"],"env":{"A":"b"}}
        {"enabled":true,"url":"http://127.0.0.1:8811/mcp","headers":{"Authorization":"Bearer tok"}}
      "
    `)
  })
})

describe('what is started', () => {
  const env = {localappdata: 'L', PROGRAMDATA: 'D', programfiles: 'F', HOME: '/h'}

  test.each([
    ['linux', false, undefined, 'docker mcp gateway run', undefined],
    ['darwin', false, 'dev', 'docker mcp gateway run --profile dev', undefined],
    [
      'win32',
      false,
      'dev',
      'docker mcp gateway run --profile dev',
      {LOCALAPPDATA: 'L', ProgramData: 'D', ProgramFiles: 'F'},
    ],
    [
      'win32',
      true,
      undefined,
      'docker.exe mcp gateway run',
      {LOCALAPPDATA: 'L', ProgramData: 'D', ProgramFiles: 'F'},
    ],
  ] as const)(
    'on %s (docker.exe: %s, profile %s) is %s',
    (platform, namesExe, profile, words, variables) => {
      const {command, args, env: given} = launchOf({namesExe}, {platform, env, profile})
      expect([command, ...args].join(' ')).toBe(words)
      expect(given).toEqual(variables)
    },
  )

  test('by a client of Windows is this Linux', () => {
    expect(
      launchOf(
        {namesExe: true},
        {platform: 'linux', env, distribution: 'Ubuntu 24', profile: 'dev'},
      ),
    ).toEqual({
      command: 'wsl.exe',
      args: [
        '--distribution',
        'Ubuntu 24',
        '--exec',
        'docker',
        'mcp',
        'gateway',
        'run',
        '--profile',
        'dev',
      ],
    })
  })

  test.each([
    [{}, '/home/ann/.docker', {}],
    [{DOCKER_CONFIG: '/home/ann/.docker'}, '/home/ann/.docker/', {}],
    [{DOCKER_CONTEXT: '', DOCKER_HOST: ''}, '/home/ann/.docker', {}],
    [{}, 'own', {DOCKER_CONFIG: '/work/own'}],
    [
      {DOCKER_HOST: 'tcp://h:2376', DOCKER_CERT_PATH: 'c', DOCKER_TLS_VERIFY: '1', SECRET: 'x'},
      '/home/ann/.docker',
      {DOCKER_HOST: 'tcp://h:2376', DOCKER_CERT_PATH: '/work/c', DOCKER_TLS_VERIFY: '1'},
    ],
    [{DOCKER_CONTEXT: 'far'}, '/d', {DOCKER_CONFIG: '/d', DOCKER_CONTEXT: 'far'}],
  ])('of docker with %j and its folder %s carries %j', (given, config, carried) => {
    const at = {env: given, config, home: '/home/ann', cwd: '/work'}
    expect(dockerVariables(at)).toEqual(carried)
  })

  test('has docker’s variables for every client, and in a Linux of WSL before docker', () => {
    const carried = {DOCKER_CONFIG: '/d e'}
    expect(launchOf({}, {platform: 'win32', env: {ProgramData: 'D'}, carried}).env).toEqual({
      ProgramData: 'D',
      DOCKER_CONFIG: '/d e',
    })
    const {args, env: none} = launchOf({}, {platform: 'linux', env, distribution: 'U', carried})
    expect(args.slice(2).join('|')).toBe('--exec|env|DOCKER_CONFIG=/d e|docker|mcp|gateway|run')
    expect(none).toBeUndefined()
  })

  test('has no variables that Windows does not have', () => {
    expect(
      launchOf({}, {platform: 'win32', env: {ProgramData: 'D', LOCALAPPDATA: ''}}).env,
    ).toEqual({ProgramData: 'D'})
    expect(launchOf({}, {platform: 'win32', env: {}})).not.toHaveProperty('env')
  })
})
