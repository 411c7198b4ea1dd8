import {createHash} from 'node:crypto'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {gunzipSync} from 'node:zlib'

import {describe, expect, test} from 'vitest'

import {build, committed, differences, installedCompiler} from '../../scripts/native.ts'
import {capture} from '../../scripts/process.ts'
import {PROGRAMS_ARCHIVE, PROGRAMS_DIGEST} from '../../src/lib/engine/programs.ts'

const NAMES = ['shim-amd64', 'relay-amd64', 'shim-arm64', 'relay-arm64']
const {files, compiler} = await committed()
const isComparable = process.env['CI'] !== undefined || (await installedCompiler()) === compiler

describe('the committed programs', () => {
  test.runIf(isComparable)('are what the sources build, bit for bit', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'docker-mcp-build-'))
    try {
      expect(await installedCompiler()).toBe(compiler)
      expect(differences(await build(folder), files)).toEqual([])
    } finally {
      await rm(folder, {recursive: true})
    }
  })

  test.runIf(process.platform === 'linux')(
    'lie at the top of the archive, for everybody to run and nobody to change',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'docker-mcp-archive-'))
      try {
        const script = 'base64 -d | tar -tvz --numeric-owner --full-time --utc'
        const archive = Buffer.from(PROGRAMS_ARCHIVE).toString()
        const {stdout} = await capture('sh', ['-c', `echo ${archive} | ${script}`], {cwd: folder})
        const lines = stdout.trim().split('\n')
        expect(lines.map(line => line.replaceAll(/ +/g, ' '))).toEqual(
          NAMES.map(
            name => `-r-xr-xr-x 0/0 ${files.get(name)?.length} 1970-01-01 00:00:00 ${name}`,
          ),
        )
      } finally {
        await rm(folder, {recursive: true})
      }
    },
  )

  test('are named by the archive that holds them', () => {
    const tar = gunzipSync(Buffer.from(PROGRAMS_ARCHIVE, 'base64'))
    expect(PROGRAMS_DIGEST).toBe(createHash('sha256').update(tar).digest('hex').slice(0, 12))
  })

  test.each(NAMES)('%s is a small static program for its architecture', name => {
    const program = files.get(name)!
    const machine = name.endsWith('amd64') ? 62 : 183
    expect(program.length).toBeLessThan(name.startsWith('shim') ? 5500 : 7000)
    expect(program.subarray(0, 6).toString('hex')).toBe('7f454c460201')
    expect({type: program.readUInt16LE(16), machine: program.readUInt16LE(18)}).toEqual({
      type: 2,
      machine,
    })
  })

  test.each(NAMES)('%s has no memory that is both written and run, the stack included', name => {
    const segments = segmentsOf(files.get(name)!)
    expect(segments.filter(({type}) => type === STACK)).toEqual([
      {type: STACK, flags: WRITE | READ},
    ])
    expect(segments.filter(({flags}) => flags & WRITE && flags & RUN)).toEqual([])
  })
})

describe('differences', () => {
  const one = Buffer.from('one')
  test('are those that have other bytes, and those that only one has', () => {
    const a = new Map([
      ['same', one],
      ['other', one],
      ['missing', one],
    ] as const)
    const b = new Map([
      ['same', one],
      ['other', Buffer.from('two')],
      ['new', one],
    ] as const)
    expect(differences(a, b)).toEqual(['other', 'missing', 'new'])
  })
})

/** elf(5): the kinds of program headers, and their flags. */
const STACK = 0x6474e551
const RUN = 1
const WRITE = 2
const READ = 4

function segmentsOf(program: Buffer): readonly {type: number; flags: number}[] {
  const start = program.readUInt32LE(32)
  return Array.from({length: program.readUInt16LE(56)}, (_, index) => {
    const at = start + index * program.readUInt16LE(54)
    return {type: program.readUInt32LE(at), flags: program.readUInt32LE(at + 4)}
  })
}
