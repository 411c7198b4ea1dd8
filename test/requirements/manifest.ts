/** What a client and a server can rely on, whether they are connected directly or through a gateway. */
export interface Requirement {
  /** The rule, as a sentence. */
  readonly says: string
  /** Where the rule comes from: a page of the MCP specification (2025-11-25 unless a revision is named), or a gateway's own duty. */
  readonly source: string
  /** Where a gateway rightly does otherwise than a direct connection, or does what only a gateway must. */
  readonly gateway?: string
}

/** Every rule of the handshake revisions (2024-11-05 to 2025-11-25) that the gateway is held to. */
export const REQUIREMENTS = {
  'message:unknown-members': {
    says: 'Members that no schema knows arrive as they were sent: on the message itself, in params, results, errors and _meta, in both directions.',
    source: 'basic, messages and _meta',
  },
  'message:numbers': {
    says: 'Numbers keep their value: fractions, 1e21, the smallest and the largest double, integers up to 2^53.',
    source: 'RFC 8259 section 6',
  },
  'message:text': {
    says: 'Text keeps every character: emoji, combining marks, line separators, escapes, NUL and lone surrogates.',
    source: 'RFC 8259 section 7',
  },
  'message:values': {
    says: 'null, false, 0, empty texts, lists and objects are values and arrive as such.',
    source: 'RFC 8259 section 3',
  },
  'message:names': {
    says: 'Members with names that mean something to JavaScript (__proto__, constructor) are members like others.',
    source: 'RFC 8259 section 4',
  },
  'message:large': {
    says: 'A message of several megabytes arrives whole, in both directions.',
    source: 'basic/transports',
  },
  'message:deep': {
    says: 'Values that are nested hundreds of levels deep arrive.',
    source: 'RFC 8259 section 9',
  },
  'message:refused': {
    says: 'Text that is no JSON is refused with −32700, JSON that is no message with −32600, and the session goes on.',
    source: 'JSON-RPC 2.0 section 5.1',
  },

  'id:types': {
    says: 'Any text or number is an id, and the answer has the same one in the same type: 0, "0", 0.5, "" and 2^53-1 are five ids, also when all are in flight.',
    source: 'basic, requests',
  },
  'id:server-types': {
    says: 'The answer to a request of the server reaches it under the id, in the type, that the server chose.',
    source: 'basic, requests',
  },
  'id:reuse': {
    says: 'An id can be used again once it has been answered.',
    source: 'JSON-RPC 2.0 section 4',
    gateway:
      'MCP forbids it within a session; clients that count up from 1 after a restart do it, and lose nothing.',
  },
  'id:duplicate': {
    says: 'A request with the id of one that is in flight is refused with −32600, and the first one is answered.',
    source: 'basic, requests: ids are unique in a session',
    gateway: 'A gateway could not tell the two answers apart.',
  },
  'id:unknown-answer': {
    says: 'An answer to a request that was never made is dropped, and the session goes on.',
    source: 'JSON-RPC 2.0 section 5',
  },

  'progress:token-types': {
    says: 'A progress token comes back as it was given, text or number: 0, "0", "" and 2^53-1 are four tokens.',
    source: 'basic/utilities/progress',
  },
  'progress:several': {
    says: 'The progress of several requests in flight comes under the token of each.',
    source: 'basic/utilities/progress',
  },
  'progress:before-answer': {
    says: 'Progress arrives before the answer to its request.',
    source: 'basic/utilities/progress: stops after completion',
  },
  'progress:own-stream': {
    says: 'Over HTTP, progress arrives on the stream of the request that it is about, also while others are in flight.',
    source: 'basic/transports, sending messages to the server, 6',
  },
  'progress:members': {
    says: 'progress, total, message, _meta and all other members of a progress notification arrive.',
    source: 'basic/utilities/progress',
  },
  'progress:from-client': {
    says: 'A request of the server may carry a token, and the progress of the client reaches the server under it.',
    source: 'basic/utilities/progress: both parties',
  },
  'progress:late': {
    says: 'Progress with a token that nobody waits under does not reach the client.',
    source: 'basic/utilities/progress: only tokens of active requests',
    gateway: 'Tokens are per connection; one that is over belongs to nobody.',
  },

  'order:request': {
    says: 'What a server says about a request arrives in the order in which it was said, the answer last.',
    source: 'basic/transports',
  },
  'order:independent': {
    says: 'A request is answered while an earlier one waits.',
    source: 'JSON-RPC 2.0 section 6',
  },
  'stream:request': {
    says: 'Over HTTP, logs and requests of the server that belong to a request arrive on its stream.',
    source: 'basic/transports, sending messages to the server, 6',
  },
  'stream:alone': {
    says: 'Over HTTP, what belongs to no request arrives on the stream that the client opened by GET.',
    source: 'basic/transports, listening for messages from the server',
  },
  'stream:once': {
    says: 'Each message arrives once, on one stream.',
    source: 'basic/transports, multiple connections, 2',
  },

  'cancel:to-server': {
    says: 'A cancellation reaches the server with its reason and under the id that the server knows.',
    source: 'basic/utilities/cancellation',
  },
  'cancel:late-answer': {
    says: 'A server that answers a cancelled request all the same disturbs nobody.',
    source: 'basic/utilities/cancellation: the receiver may have answered already',
    gateway: 'The client never sees the late answer; directly it has to ignore it.',
  },
  'cancel:to-client': {
    says: 'A server can cancel its own request: the client hears of it with the reason and under the id that the client knows.',
    source: 'basic/utilities/cancellation',
  },
  'cancel:unknown': {
    says: 'Cancelling what is not in flight does nothing.',
    source: 'basic/utilities/cancellation: invalid notifications are ignored',
  },
  'cancel:not-lost': {
    says: 'Over HTTP, a client that loses the stream of a request has not cancelled it.',
    source: 'basic/transports, sending messages to the server, 6',
  },
  'cancel:session-end': {
    says: 'When a session ends, what it asked for is given up at the server.',
    source: 'basic/lifecycle, shutdown',
  },

  'sampling:params': {
    says: 'A sampling request arrives whole: tools, toolChoice, includeContext, metadata, content that is a list, unknown members.',
    source: 'client/sampling',
  },
  'sampling:answer': {
    says: 'The answer to a sampling request reaches the server whole: content that is a list, tool_use, stopReason, unknown members.',
    source: 'client/sampling',
  },
  'sampling:error': {
    says: 'A client that refuses is heard with its code, message and data.',
    source: 'client/sampling, error handling',
  },
  'elicitation:form': {
    says: 'An elicitation with a form arrives with its schema, and the answer reaches the server: accepted with content, declined or cancelled.',
    source: 'client/elicitation, form mode',
  },
  'elicitation:url': {
    says: 'An elicitation with a URL arrives with mode, url and elicitationId.',
    source: 'client/elicitation, URL mode',
  },
  'elicitation:required': {
    says: 'The error −32042 arrives with the elicitations in its data.',
    source: 'client/elicitation, URL elicitation required error',
  },
  'elicitation:complete': {
    says: 'The notice that an elicitation is complete arrives, also when the request that caused it is over.',
    source: 'client/elicitation, completion notifications',
  },
  'roots:list': {
    says: 'A server that asks for roots gets the roots of the client, unknown members included.',
    source: 'client/roots',
  },
  'roots:changed': {
    says: 'The notice that the roots have changed reaches the server.',
    source: 'client/roots',
  },
  'client:incapable': {
    says: 'A server that asks for sampling, elicitation or roots of a client without that capability is refused with −32601.',
    source: 'basic/lifecycle: only negotiated capabilities are used',
    gateway: 'It refuses for the client, which is not asked.',
  },
  'server:asks-alone': {
    says: 'A request of the server outside of every request reaches the client and is answered.',
    source: 'basic/transports, listening for messages from the server',
  },

  'ping:client': {
    says: 'A ping of the client is answered, also while a request is in flight.',
    source: 'basic/utilities/ping',
    gateway: 'Pings are per hop: the gateway answers.',
  },
  'ping:server': {
    says: 'A ping of the server is answered.',
    source: 'basic/utilities/ping',
    gateway: 'Pings are per hop: the gateway answers, and the client sees none.',
  },

  'hello:client': {
    says: 'The server sees the capabilities and the clientInfo of the client as they are, title, icons and unknown members included.',
    source: 'basic/lifecycle, initialization',
  },
  'hello:initialized': {
    says: 'The server is told that the client is initialized, once and before its first request.',
    source: 'basic/lifecycle, initialization',
  },
  'hello:capabilities': {
    says: 'The client sees what the server can do, experimental and unknown capabilities included.',
    source: 'basic/lifecycle, initialization',
    gateway:
      'Of a server that it never saw it says what might be; list changes it announces by itself.',
  },
  'hello:instructions': {
    says: 'The instructions of the server arrive word for word.',
    source: 'basic/lifecycle, initialization',
    gateway: 'initialize does not wait for a server, so they come from the second session on.',
  },
  'version:each': {
    says: 'Each of 2024-11-05, 2025-03-26, 2025-06-18 and 2025-11-25 is agreed on when asked for, and the server is asked for the same.',
    source: 'basic/lifecycle, version negotiation',
  },
  'version:unknown': {
    says: 'A client that asks for a version that is not known is offered the newest.',
    source: 'basic/lifecycle, version negotiation',
  },
  'version:header': {
    says: 'Over HTTP, a request with a version header that is not known is refused with 400.',
    source: 'basic/transports, protocol version header',
  },
  'version:older-server': {
    says: 'A server that answers with an older version than it was asked for serves all the same.',
    source: 'basic/lifecycle, version negotiation',
  },

  'logging:message': {
    says: 'Log messages arrive with level, logger and data of any kind as they are.',
    source: 'server/utilities/logging',
  },
  'logging:level': {
    says: 'The level that a client sets reaches the server, each time.',
    source: 'server/utilities/logging',
  },
  'logging:own-level': {
    says: 'The level that one client sets is not heard of in the session of another.',
    source: 'server/utilities/logging',
  },

  'completion:prompt': {
    says: 'A completion for a prompt reaches the server with argument, context and unknown members; values, total and hasMore arrive.',
    source: 'server/utilities/completion',
  },
  'completion:resource': {
    says: 'A completion for a resource template does, too.',
    source: 'server/utilities/completion',
  },

  'tools:definition': {
    says: 'Tools are listed in the order and with every member that the server gives them: title, schemas, annotations, icons, execution, _meta, unknown ones.',
    source: 'server/tools',
  },
  'tools:names': {
    says: 'The tools of a single server are called what the server calls them.',
    source: 'server/tools; a duty of gateways',
  },
  'tools:arguments': {
    says: 'Arguments of a call arrive as they are; a call without arguments stays one.',
    source: 'server/tools',
  },
  'tools:content': {
    says: 'Content of every kind arrives as it is: text, image, audio, resource links, embedded resources with annotations, kinds that nobody knows.',
    source: 'server/tools, tool result',
  },
  'tools:structured': {
    says: 'structuredContent of any shape arrives beside the content.',
    source: 'server/tools, structured content',
  },
  'tools:is-error': {
    says: 'A result with isError is a result and arrives as such.',
    source: 'server/tools, error handling',
  },
  'prompts:list': {
    says: 'Prompts are listed with every member, arguments and icons included.',
    source: 'server/prompts',
  },
  'prompts:get': {
    says: 'A prompt is given with its arguments and arrives with all its messages.',
    source: 'server/prompts',
  },
  'resources:list': {
    says: 'Resources and templates are listed with every member: size, annotations, icons, _meta.',
    source: 'server/resources',
  },
  'resources:read': {
    says: 'Resources are read by their URI as it is, whether listed, of a template or only mentioned; texts and blobs arrive.',
    source: 'server/resources',
  },
  'resources:subscribe': {
    says: 'Subscriptions and their ends reach the server, and updates arrive outside of every request with all their members.',
    source: 'server/resources, subscriptions',
  },
  'list:members': {
    says: 'Members of a list result besides its items arrive: _meta and unknown ones.',
    source: 'basic, _meta',
  },
  'list:changed': {
    says: 'A client hears that tools, prompts or resources have changed, each by its own notice, and then lists what there is now.',
    source: 'server/tools, server/prompts, server/resources: list changed notification',
  },
  'list:pages': {
    says: 'A client that follows the cursors gets the items of all pages, each once and in order.',
    source: 'server/utilities/pagination',
    gateway: 'It may give all of them in one page.',
  },
  'list:empty-cursor': {
    says: 'An empty text is a cursor like any other.',
    source: 'server/utilities/pagination',
  },
  'list:repeated-cursor': {
    says: 'A server that gives the same cursor again and again does not keep a client waiting.',
    source: 'server/utilities/pagination',
    gateway: 'A direct client has to look out for itself.',
  },
  'list:unknown-cursor': {
    says: 'A cursor that nobody gave is refused with −32602.',
    source: 'server/utilities/pagination, error handling',
  },

  'error:verbatim': {
    says: 'An error arrives with the code, message and data that the server gave it, whatever was asked.',
    source: 'basic, responses; JSON-RPC 2.0 section 5.1',
  },
  'error:members': {
    says: 'Members of an error besides code, message and data arrive.',
    source: 'basic, responses',
  },

  'task:create': {
    says: 'A call with a task arrives with its task member, and the task that is created in place of a result arrives whole.',
    source: 'basic/utilities/tasks (SEP-1686)',
  },
  'task:follow': {
    says: 'tasks/get, tasks/result, tasks/list and tasks/cancel reach the server and are answered, related-task _meta included.',
    source: 'basic/utilities/tasks (SEP-1686)',
  },
  'task:status': {
    says: 'Notices of a status of a task arrive whole.',
    source: 'basic/utilities/tasks (SEP-1686)',
  },
  'task:at-client': {
    says: 'A server can have the client make a task of a request, and follow it with tasks/get, tasks/result and tasks/cancel.',
    source: 'basic/utilities/tasks (SEP-1686): both directions',
  },

  'vendor:request': {
    says: 'Methods that no specification knows reach the server, and its answers the client.',
    source: 'basic; SEP-2133',
  },
  'vendor:from-server': {
    says: 'Methods that no specification knows reach the client, and its answers the server.',
    source: 'basic; SEP-2133',
  },
  'vendor:notification': {
    says: 'Notifications that no specification knows arrive, in both directions.',
    source: 'basic; SEP-2133',
  },

  'broken:twice': {
    says: 'Of a server that answers twice the first answer counts.',
    source: 'JSON-RPC 2.0 section 5',
    gateway: 'The client never sees the second one; directly it has to ignore it.',
  },
  'broken:wrong-id': {
    says: 'An answer under an id that nobody asked under reaches nobody, and the others are answered.',
    source: 'JSON-RPC 2.0 section 5',
    gateway: 'Directly the client has to ignore it.',
  },
  'broken:never': {
    says: 'A request that is never answered holds up no other one and can be given up.',
    source: 'basic/lifecycle, timeouts',
  },

  'session:apart': {
    says: 'Two sessions with equal ids and tokens see each their own answers, progress, logs and requests.',
    source: 'basic/transports, session management',
  },
  'session:own-cancel': {
    says: 'Cancelling a request in one session leaves the one with the same id in another alone.',
    source: 'basic/utilities/cancellation',
  },
  'session:own-subscriptions': {
    says: 'Updates reach only the session that subscribed.',
    source: 'server/resources, subscriptions',
  },
  'session:end': {
    says: 'A session that was ended by DELETE is not found any more (404).',
    source: 'basic/transports, session management, 5',
  },
  'session:id': {
    says: 'A request without a session id is refused with 400, one with an id that nobody has with 404.',
    source: 'basic/transports, session management',
  },

  'many:names': {
    says: 'Of two servers with a tool or prompt of the same name the first configured keeps it, and the other is called server__name; both can be called.',
    source: 'server/tools, tool names; a duty of gateways',
    gateway: 'All rules from here on are about several servers as one.',
  },
  'many:valid-names': {
    says: 'With several servers, exposed names are unique and fit ^[a-zA-Z0-9_-]{1,64}$, which model APIs ask for.',
    source: 'a duty of gateways',
  },
  'many:stable-names': {
    says: 'A name that a client was shown keeps its meaning when servers come late or change what they have.',
    source: 'a duty of gateways',
  },
  'many:only-names': {
    says: 'Nothing but the name of a renamed tool or prompt is changed.',
    source: 'a duty of gateways',
  },
  'many:read': {
    says: 'A resource is read at the server that lists it, else at one with a template for it, else at the one that mentioned it, else wherever it is found.',
    source: 'server/resources; a duty of gateways',
  },
  'many:same-uri': {
    says: 'When two servers list the same URI, both resources can be read, and the scheme of ui:// stays.',
    source: 'server/resources; a duty of gateways',
  },
  'many:subscribe': {
    says: 'Subscriptions reach the owner of the resource and nobody else, and its updates the client.',
    source: 'server/resources, subscriptions',
  },
  'many:capabilities': {
    says: 'Capabilities are the union of what the servers have; what none has is not promised.',
    source: 'basic/lifecycle, initialization',
  },
  'many:instructions': {
    says: 'Instructions are those of all servers in configured order, each under the name of its server.',
    source: 'basic/lifecycle, initialization',
  },
  'many:pages': {
    says: 'Lists hold all pages of all servers, in configured order.',
    source: 'server/utilities/pagination',
  },
  'many:failing': {
    says: 'A server that fails, or cannot be reached, leaves the lists of the others whole.',
    source: 'a duty of gateways',
  },
  'many:silent': {
    says: 'A server that does not answer delays a list for a bounded time, and what it says later is announced by a list change.',
    source: 'a duty of gateways',
  },
  'many:initialize': {
    says: 'initialize is answered without waiting for a server.',
    source: 'a duty of gateways',
  },
  'many:logger': {
    says: 'A log message tells its server: the logger is the name of the server, with the own logger after a slash.',
    source: 'server/utilities/logging; a duty of gateways',
  },
  'many:level': {
    says: 'The level that a client sets reaches every server that can log.',
    source: 'server/utilities/logging',
  },
  'many:completion': {
    says: 'A completion reaches the owner of the prompt or template under its own name; an owner without completions completes nothing.',
    source: 'server/utilities/completion',
  },
  'many:vendor': {
    says: 'A method that no specification knows reaches the server that declared it; one that nobody declared is refused with −32601.',
    source: 'basic; SEP-2133',
  },
  'many:notifications': {
    says: 'Notifications of the client, known or not, reach every server.',
    source: 'a duty of gateways',
  },
  'many:tasks': {
    says: 'A task is followed at the server that made it, also when two servers gave theirs the same id.',
    source: 'basic/utilities/tasks (SEP-1686)',
  },
  'many:task-list': {
    says: 'tasks/list has the tasks of all servers.',
    source: 'basic/utilities/tasks (SEP-1686)',
  },
  'many:cancel': {
    says: 'A cancellation reaches the server that was asked and nobody else.',
    source: 'basic/utilities/cancellation',
  },
  'many:same-ids': {
    says: 'Two servers that ask the client under equal ids and tokens get each their own answer.',
    source: 'basic, requests',
  },
  'many:list-changed': {
    says: 'Changes in quick succession are announced once for each kind.',
    source: 'a duty of gateways',
  },
} as const satisfies Record<string, Requirement>

export type RequirementId = keyof typeof REQUIREMENTS
