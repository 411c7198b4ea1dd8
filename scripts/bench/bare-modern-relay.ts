/**
 * The least that a relay of the modern era can be, to compare the gateway with: HTTP in, one container for all, ids
 * swapped. It checks nothing, governs nothing and remembers nothing of its clients.
 *
 * `node scripts/bench/bare-modern-relay.ts <image> <server>` prints its address on stderr.
 */
import {listenForBodies} from './relay-http.ts'
import {startRelayed} from './relayed-server.ts'

const [image = '', server = ''] = process.argv.slice(2)
const relayed = await startRelayed(image, server)

listenForBodies((body, _request, response) => relayed.relay(body, response))
