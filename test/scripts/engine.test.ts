import {describe, expect, test} from 'vitest'

import {cgroupControllers, engineAdvice, hasMountUnder} from '../../scripts/engine.ts'

describe('engineAdvice', () => {
  test('names the commands of each system', () => {
    expect(engineAdvice('darwin', false)).toContain('open -a Docker')
    expect(engineAdvice('win32', false)).toContain('WSL 2')
    expect(engineAdvice('linux', false)).toContain('sudo usermod -aG docker')
  })

  test('does not tell root to use sudo', () => {
    expect(engineAdvice('linux', true)).not.toContain('sudo')
  })
})

const line = (point: string) => `31 23 0:28 / ${point} rw,relatime - tmpfs tmpfs rw`

describe('hasMountUnder', () => {
  test('sees a mount at the folder and below it', () => {
    expect(hasMountUnder(line('/sys/fs/cgroup'), '/sys/fs/cgroup')).toBe(true)
    expect(hasMountUnder(`${line('/')}\n${line('/sys/fs/cgroup/cpu')}`, '/sys/fs/cgroup')).toBe(
      true,
    )
  })

  test('is not misled by its parent, its namesakes and empty lines', () => {
    const text = `${line('/sys/fs')}\n${line('/sys/fs/cgroups')}\n\n`
    expect(hasMountUnder(text, '/sys/fs/cgroup')).toBe(false)
  })
})

describe('cgroupControllers', () => {
  test('gives those that are switched on', () => {
    const table =
      '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t4\t13\t0\npids\t8\t1\t1\n'
    expect(cgroupControllers(table)).toEqual(['cpu', 'pids'])
  })
})
