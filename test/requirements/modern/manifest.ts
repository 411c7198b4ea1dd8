import type {Requirement} from '../manifest.ts'

/**
 * The rules of revision 2026-07-28 that the gateway is held to towards clients of that revision. What both eras have,
 * test/eras/ shows in all pairings.
 */
export const MODERN_REQUIREMENTS = {
  'modern:discover': {
    says: 'server/discover tells the revisions, the capabilities, the instructions and who answers.',
    source: 'server/discover',
    gateway: 'The revisions are those that the gateway serves.',
  },
  'modern:result': {
    says: 'Every result says of what kind it is, and whose.',
    source: 'basic, results',
  },
  'modern:id': {
    says: 'An answer has the id of its request, in the same type, also when other clients use the same one.',
    source: 'basic, requests',
  },
  'modern:no-session': {
    says: 'Answers name no session, and GET and DELETE of the revision are refused with 405.',
    source: 'basic/transports/streamable-http',
  },
  'modern:header-mismatch': {
    says: 'Headers that say something else than the body, or are missing, are refused with 400 and −32020.',
    source: 'basic/transports/streamable-http, server validation',
  },
  'modern:param-header': {
    says: 'Arguments that a tool wants in headers are compared with them, and reach the server.',
    source: 'basic/transports/streamable-http, custom headers',
  },
  'modern:version': {
    says: 'A revision that is not known is refused with 400 and −32022, which names those that are.',
    source: 'basic/versioning',
  },
  'modern:meta': {
    says: 'A request without the required members of _meta is refused with 400 and −32602.',
    source: 'basic, _meta',
  },
  'modern:unknown-method': {
    says: 'A method that nobody knows, or that the revision has removed, is refused with 404 and −32601.',
    source: 'basic/transports/streamable-http',
  },
  'modern:unknown-resource': {
    says: 'A resource that nobody has is refused with −32602.',
    source: 'server/resources, error handling',
  },
  'modern:caching': {
    says: 'discover, the lists and what is read say how long they may be kept, and by whom.',
    source: 'server/utilities/caching',
  },
  'modern:no-log': {
    says: 'Who names no level gets no log message; who does, gets those of that level on before the answer.',
    source: 'server/utilities/logging',
  },
  'modern:cancel': {
    says: 'A client that closes the connection has cancelled, and the server stops.',
    source: 'basic/patterns/cancellation',
  },
  'modern:ask': {
    says: 'A server asks in its result; the same request with the answers, the state and another id goes on.',
    source: 'basic/patterns/mrtr',
  },
  'modern:state': {
    says: 'A state that was changed is refused.',
    source: 'basic/patterns/mrtr, server requirements',
  },
  'modern:incapable': {
    says: 'What needs a capability that the client did not declare is refused with 400 and −32021, which names it.',
    source: 'basic, errors',
  },
  'modern:listen': {
    says: 'A listen is acknowledged first, with what of it is honoured, and all its messages carry its id in its type.',
    source: 'basic/patterns/subscriptions',
  },
  'modern:listen-only': {
    says: 'A client hears only of what it listens for.',
    source: 'basic/patterns/subscriptions',
  },
  'modern:task': {
    says: 'A call becomes a task, which is followed and cancelled by its id, also from another connection.',
    source: 'tasks extension (SEP-2663)',
  },
  'modern:skills': {
    says: 'Skills are listed, got, and their directories read.',
    source: 'skills extension (SEP-2640)',
  },

  'several:names': {
    says: 'A tool of another server is called by the name that is shown, in the body and in Mcp-Name.',
    source: 'server/tools; a duty of gateways',
    gateway: 'All rules from here on are about several servers as one.',
  },
  'several:param-header': {
    says: 'Arguments in headers are compared, and reach servers over HTTP and over stdio.',
    source: 'basic/transports/streamable-http, custom headers',
  },
  'several:unknown-name': {
    says: 'A name that nobody has is refused with −32602, and with the names that are near.',
    source: 'server/tools; a duty of gateways',
  },
  'several:pages': {
    says: 'Lists are those of all servers, in configured order and in one page; a cursor that nobody gave is refused with −32602.',
    source: 'server/utilities/pagination',
  },
  'several:discover': {
    says: 'discover is the union of what the servers can do, with the instructions of each.',
    source: 'server/discover; a duty of gateways',
  },
  'several:caching': {
    says: 'What is put together may be kept as long as the shortest-lived part, by as few as any part.',
    source: 'server/utilities/caching',
  },
  'several:same-uri': {
    says: 'Two resources of the same URI are both read, and both listened for.',
    source: 'server/resources; a duty of gateways',
  },
  'several:ask': {
    says: 'A retry reaches the server that asked, of whichever era it is.',
    source: 'basic/patterns/mrtr',
  },
  'several:logger': {
    says: 'A log message tells its server.',
    source: 'server/utilities/logging; a duty of gateways',
  },
  'several:task': {
    says: 'The id of a task names its server.',
    source: 'tasks extension (SEP-2663); a duty of gateways',
  },
  'several:skills': {
    says: 'Skills are those of all servers; of two with the same URI each is reached.',
    source: 'skills extension (SEP-2640); a duty of gateways',
  },
  'several:list-changed': {
    says: 'Changes of lists are heard of, from servers of both eras.',
    source: 'basic/patterns/subscriptions; a duty of gateways',
  },
} as const satisfies Record<string, Requirement>

export type ModernRequirementId = keyof typeof MODERN_REQUIREMENTS
