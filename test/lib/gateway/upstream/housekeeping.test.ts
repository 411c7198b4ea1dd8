import {PassThrough} from 'node:stream'
import {expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import {housekeeping} from '../../../../src/lib/gateway/upstream/housekeeping.ts'
import {engineWith} from '../../../support/engine-with.ts'
import {Inbox} from '../../../support/inbox.ts'

/** No lease can be had for it, so that the engine is asked for nothing else. */
const IMAGE = {reference: 'image', facts: {architecture: 'pdp11', volumes: []}}

const log = () => undefined

test.each([new PluginError('ENGINE_UNREACHABLE', 'a hiccup'), new TypeError('a fault of ours')])(
  'an engine that does not tell its limits is asked again, until it has (%s)',
  async error => {
    const said = new Inbox<string>()
    let asked = 0
    const engine = engineWith(new PassThrough(), [], {
      unkeptLimits: async () => {
        asked += 1
        if (asked === 1) throw error
        return ['memory', 'pids']
      },
      list: async () => [],
      listNetworks: async () => [],
    })
    await using keeper = housekeeping({
      owner: 'o',
      watchdog: undefined,
      log,
      notify: line => said.add(line),
    })
    keeper.began(engine, IMAGE)
    expect(await said.find(() => true)).toMatch(
      /^! this engine does not keep limits of memory, pids: /,
    )
    expect(asked).toBe(2)
  },
)
