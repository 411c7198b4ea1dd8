import {expect} from 'vitest'
import type {LabAnswer, LabClient} from '../../support/lab-client.ts'
import {scenario} from '../scenario.ts'
import {SEEN_BY_TWO, tool} from './several.ts'

const UPDATED = 'notifications/resources/updated'
const resource = (uri: string, server: string) => ({uri, name: server})

/** How the resources that a server listed are called towards the client, in its order. */
async function urisOf(client: LabClient, server: string): Promise<readonly string[]> {
  const {resources: all} = await client.ask('resources/list')
  return [...Object(all)].filter(item => item.name === server).map(item => String(item.uri))
}

/** A server with a resource, a template, and a tool that mentions two more resources. */
const readable = (server: string, more: readonly LabAnswer[] = []) => ({
  on: {
    'resources/list': [{result: {resources: [resource(`${server}:1`, server)]}}],
    'resources/templates/list': [
      {result: {resourceTemplates: [{uriTemplate: `${server}-t:{id}`, name: server}]}},
    ],
    'resources/read': [...more, {result: {contents: [], from: server}}],
    'tools/call': [
      tool(`mention-${server}`, {
        result: {
          content: [
            {type: 'resource_link', uri: `link:${server}`, name: 'x'},
            {type: 'resource', resource: {uri: `embedded:${server}`, text: ''}},
          ],
        },
      }),
    ],
  },
})

/** A server with the same URIs as the other, that says its own name. */
const sameUris = (server: string) => ({
  on: {
    'resources/list': [
      {result: {resources: ['file:///same', 'ui://same/a'].map(uri => resource(uri, server))}},
    ],
    'resources/read': ['file:///same', 'ui://same/a'].map(uri => ({
      when: {uri},
      result: {contents: [{uri, text: server}]},
    })),
  },
})

/** A server with a resource and a tool that says that it was updated. */
const subscribable = (server: string) => ({
  on: {
    'resources/list': [{result: {resources: [resource(`${server}:1`, server)]}}],
    'resources/subscribe': [{result: {}}],
    'tools/call': [
      tool('update', {
        steps: [{alone: true, notify: {method: UPDATED, params: {uri: `${server}:1`}}}],
      }),
    ],
  },
})

/** Where resources of several servers are found. */
export const resources = [
  scenario('a resource is read at its owner', ['many:read'], async ({open}) => {
    const error = {code: -32002, message: 'not here'}
    const client = await open({
      scripts: {one: readable('one', [{when: {uri: 'found:two'}, error}]), two: readable('two')},
    })
    for (const server of ['two', 'one']) {
      await client.call(`mention-${server}`)
      for (const uri of [`${server}:1`, `${server}-t:7`, `link:${server}`, `embedded:${server}`]) {
        expect(await client.ask('resources/read', {uri})).toEqual({contents: [], from: server})
      }
    }
    expect(await client.ask('resources/read', {uri: 'found:two'})).toMatchObject({from: 'two'})
  }),
  scenario('resources of the same URI are told apart', ['many:same-uri'], async ({open}) => {
    const client = await open({scripts: {one: sameUris('one'), two: sameUris('two')}})
    const uris = {one: await urisOf(client, 'one'), two: await urisOf(client, 'two')}
    expect(new Set([...uris.one, ...uris.two]).size).toBe(4)
    for (const [server, shown] of Object.entries(uris)) {
      expect(shown[1]).toMatch(/^ui:\/\//)
      for (const uri of shown) {
        expect(await client.ask('resources/read', {uri})).toEqual({contents: [{uri, text: server}]})
      }
    }
  }),
  scenario('subscriptions are the owner’s', ['many:subscribe'], async ({open}) => {
    const client = await open({scripts: {one: subscribable('one'), two: subscribable('two')}})
    expect(await client.ask('resources/subscribe', {uri: 'two:1'})).toEqual({})
    expect(await client.seen('resources/subscribe', 1, SEEN_BY_TWO)).toMatchObject([
      {params: {uri: 'two:1'}},
    ])
    expect(await client.seen('resources/subscribe', 0)).toEqual([])
    await client.call('two__update')
    expect((await client.notice(UPDATED)).message['params']).toEqual({uri: 'two:1'})
  }),
]
