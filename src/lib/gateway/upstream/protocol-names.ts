/**
 * Names that members have in messages of MCP, wherever they stand: of its revisions up to 2025-11-25, of the one without
 * sessions, of its tasks, and of JSON-RPC.
 */
export const PROTOCOL_NAMES: ReadonlySet<string> = words(`
  _meta action annotations argument arguments audience autoRefresh blob cacheScope call cancel capabilities clientInfo code
  completion completions content contents context costPriority create createMessage createdAt cursor data debounceMs default
  description destructiveHint elicitation elicitationId elicitations error execution experimental extensions form format
  hasMore hints icons id idempotentHint includeContext input inputRequests inputResponses inputSchema instructions
  intelligencePriority isError jsonrpc lastModified lastUpdatedAt level list listChanged logger logging maxTokens message
  messages metadata method mimeType mode model modelPreferences name nextCursor notifications openWorldHint outputSchema
  params pollInterval pollIntervalMs priority progress progressToken prompts promptsListChanged protocolVersion readOnlyHint
  reason ref requestId requestState requestedSchema requests required resource resourceSubscriptions resourceTemplates
  resources resourcesListChanged result resultType role roots sampling serverInfo size sizes speedPriority src status
  statusMessage stopReason stopSequences structuredContent subscribe supportedVersions systemPrompt task taskId taskIds
  taskSupport tasks temperature text theme title toolChoice toolResult toolUseId tools toolsListChanged total ttl ttlMs type
  uri uriTemplate url value values version websiteUrl
`)

/** Keywords of JSON Schema, of its drafts from 7 to 2020-12, and what MCP and OpenAPI add. */
export const SCHEMA_NAMES: ReadonlySet<string> = words(`
  $anchor $comment $defs $dynamicAnchor $dynamicRef $id $recursiveAnchor $recursiveRef $ref $schema $vocabulary
  additionalItems additionalProperties allOf anyOf const contains contentEncoding contentMediaType contentSchema default
  definitions dependencies dependentRequired dependentSchemas deprecated description discriminator else enum enumNames
  example examples exclusiveMaximum exclusiveMinimum format if items maxContains maxItems maxLength maxProperties maximum
  minContains minItems minLength minProperties minimum multipleOf not nullable oneOf pattern patternProperties prefixItems
  properties propertyNames readOnly required then title type unevaluatedItems unevaluatedProperties uniqueItems writeOnly
`)

/** Members of `_meta` that are the protocol's own. */
export const META_NAMES: ReadonlySet<string> = words(`
  baggage progressToken traceparent tracestate
  io.modelcontextprotocol/clientCapabilities io.modelcontextprotocol/clientInfo io.modelcontextprotocol/logLevel
  io.modelcontextprotocol/protocolVersion io.modelcontextprotocol/related-task io.modelcontextprotocol/serverInfo
  io.modelcontextprotocol/subscriptionId
`)

/** Members of an error's `data` that the protocol names, for its own error codes. */
export const ERROR_DATA_NAMES: ReadonlySet<string> = words(
  'elicitations requested requiredCapabilities supported',
)

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/))
}
