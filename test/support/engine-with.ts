import {Lives} from '../../src/lib/gateway/lives.ts'
import type {Duplex} from 'node:stream'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {containerOptions, type ContainerOptions} from '../../src/lib/engine/options.ts'
import {Redaction} from '../../src/lib/gateway/redaction.ts'
import type {FleetInput} from '../../src/lib/gateway/upstream/fleet.ts'
import type {ContainerPlan} from '../../src/lib/gateway/upstream/running.ts'
import {secretsOf} from './secrets.ts'

const refused = () => Promise.reject(new Error('not part of this test'))
const never = new Promise<never>(() => undefined)

/** An engine with one container, whose streams are this one. */
export function engineWith(stream: Duplex, removed: string[], verbs: Partial<Engine> = {}): Engine {
  return {
    endpoint: {kind: 'unix', path: '/nowhere', from: 'the test'},
    isLocal: true,
    sockets: [],
    info: refused,
    unkeptLimits: refused,
    hasImage: refused,
    inspectImage: refused,
    pullImage: refused,
    distribution: refused,
    tagImage: refused,
    exec: refused,
    putArchive: refused,
    getArchive: refused,
    writtenBytes: refused,
    stats: refused,
    createNetwork: refused,
    connectNetwork: refused,
    disconnectNetwork: refused,
    removeNetwork: refused,
    removeVolume: refused,
    listNetworks: refused,
    networkMembers: refused,
    listVolumes: refused,
    untilGone: refused,
    bridgeGateway: refused,
    createHolder: refused,
    list: refused,
    inspect: refused,
    create: async () => 'the-container',
    attach: async () => stream,
    start: async () => undefined,
    wait: () => never,
    remove: async id => void removed.push(id),
    ...verbs,
  }
}

/** A plan for a container of an engine like that. */
export function anyPlan(name: string): ContainerPlan {
  return {
    name,
    options: ANY_OPTIONS,
    onLost: () => undefined,
    life: new Lives(Date.now).of('any'),
  }
}

/** What the engine is asked to create, where that does not matter. */
const ANY_OPTIONS: ContainerOptions = containerOptions({
  server: 'any',
  owner: 'nobody',
  image: 'none',
  facts: {user: '', volumes: [], entrypoint: ['/any'], cmd: [], workingDir: ''},
  command: [],
  entry: {kind: 'plain', env: []},
  mounts: [],
  network: {kind: 'none'},
  security: {profile: 'default', capAdd: [], tmpfs: []},
  secretFiles: false,
  transport: 'stdio',
  limits: {cpus: 0, memoryBytes: undefined, pids: 0, diskBytes: 1024 ** 3},
})

/** What a fleet is made with, where the user has chosen nothing. */
export const FLEET_DEFAULTS = {
  secrets: secretsOf({}),
  limits: {cpus: 1, memoryBytes: 256 * 1024 ** 2, pids: 64},
  networkPolicy: 'open',
  security: 'default',
  exposeSecrets: [],
  debugDns: false,
  allowMounts: [],
  sockets: [],
  audit: {record: async () => undefined},
  redaction: new Redaction(),
  maskSecrets: false,
  credentials: async () => undefined,
  sharesFiles: true,
  maxMessageBytes: 1024 * 1024,
  startsAtOnce: 4,
  home: '/nowhere',
  log: () => undefined,
  notify: () => undefined,
  signal: new AbortController().signal,
  verbose: false,
  lives: new Lives(Date.now),
  housekeeping: {began: () => undefined, lost: () => undefined},
  life: {idleMs: undefined, longLived: false, standby: {min: 0, max: 0}},
  standbyMemoryBytes: 0,
} satisfies Omit<FleetInput, 'engine' | 'owner'>
