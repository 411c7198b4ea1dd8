import {PluginError} from '../../base/errors.ts'
import {oneLine} from '../../base/one-line.ts'
import type {EngineInfo, Platform} from '../../engine/engine.ts'

/** What processors run besides their own programs. */
const ALSO_RUNS: Readonly<Record<string, readonly string[]>> = {amd64: ['386'], arm64: ['arm']}
/** A product that brings emulators for the other one of these two. */
const EMULATES = /^Docker Desktop/
const EMULATED: ReadonlySet<string> = new Set(['amd64', 'arm64'])
/** More are not worth reading. */
const MOST_SHOWN = 8

/**
 * Refuses an image that is made for none of the platforms that the engine runs, before it is fetched.
 * @param platforms what the registry says; none when it is not known, which is no reason to refuse
 * @throws PluginError IMAGE_MISSING that names the image's platforms and the engine's
 */
export function checkPlatforms(
  image: string,
  platforms: readonly Platform[],
  engine: Pick<EngineInfo, 'os' | 'arch' | 'product'>,
): void {
  const first = platforms[0]
  if (first === undefined || platforms.some(platform => runs(engine, platform))) return
  const theirs = platforms.slice(0, MOST_SHOWN).map(platformText)
  const more = platforms.length > MOST_SHOWN ? ` and ${platforms.length - MOST_SHOWN} more` : ''
  throw new PluginError(
    'IMAGE_MISSING',
    `the image ${image} is made for ${theirs.join(', ')}${more}; the engine runs ${engine.os}/${engine.arch}`,
    {
      hint: `look for an image for ${engine.os}/${engine.arch}; if the engine has an emulator, fetch this one with: docker pull --platform ${platformText(first)} ${image}`,
    },
  )
}

function runs(
  {os, arch, product}: Pick<EngineInfo, 'os' | 'arch' | 'product'>,
  platform: Platform,
): boolean {
  if (platform.os !== os) return false
  const {architecture} = platform
  if (architecture === arch || ALSO_RUNS[arch]?.includes(architecture)) return true
  return EMULATES.test(product) && EMULATED.has(architecture)
}

function platformText({os, architecture, variant}: Platform): string {
  return oneLine([os, architecture, ...(variant ? [variant] : [])].join('/'))
}
