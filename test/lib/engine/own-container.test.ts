import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
import {describe, expect, test} from 'vitest'
import {runsInContainer, showsContainer} from '../../../src/lib/engine/own-container.ts'
import {fixtureImage} from '../../support/fixture-images.ts'

const run = promisify(execFile)
const ID = '5dd1f9f3c0a7b4e2'.repeat(4)

describe('showsContainer', () => {
  test.each([
    [
      `618 610 254:1 /var/lib/docker/containers/${ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw`,
    ],
    [`618 610 254:1 /docker/containers/${ID}/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda1 rw`],
    [
      `1 2 0:24 /containers/overlay-containers/${ID}/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw`,
    ],
    [
      '1 2 8:1 /var/lib/kubelet/pods/0b5c4d6e-1a2b-4c3d-8e9f-001122334455/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw',
    ],
  ])('knows the files that an engine makes for a container: %s', line => {
    expect(showsContainer(`22 1 0:21 / /proc rw - proc proc rw\n${line}\n`)).toBe(true)
  })

  test.each([
    ['22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw'],
    ['30 22 254:1 /etc/netns/some-namespace/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw'],
    [`40 22 0:40 / /var/lib/docker/overlay2/${ID}/merged rw - overlay overlay rw`],
    [
      `41 22 254:1 /var/lib/docker/containers/${ID}/mounts/shm /var/lib/docker/containers/${ID}/mounts/shm rw - tmpfs shm rw`,
    ],
    [''],
  ])('takes nothing else for one: %s', line => {
    expect(showsContainer(`${line}\n`)).toBe(false)
  })
})

test('a real container shows itself, and this machine is none', async () => {
  const image = await fixtureImage('counts-calls')
  const print = "process.stdout.write(require('fs').readFileSync('/proc/self/mountinfo'))"
  const {stdout} = await run('docker', [
    'run',
    '--rm',
    '--network=none',
    '--entrypoint=/usr/local/bin/node',
    image,
    '-e',
    print,
  ])
  expect(showsContainer(stdout)).toBe(true)
  expect(await runsInContainer()).toBe(false)
})
