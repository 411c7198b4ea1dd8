import {describe, expect, test} from 'vitest'
import {connectedClient} from '../../../support/fake-client.ts'
import {fakeServer} from '../../../support/fake-upstream.ts'

const capabilities = {
  resources: {},
  extensions: {'io.modelcontextprotocol/skills': {directoryRead: true}},
}
const hello = {capabilities}

/** A server with one skill, in two files. */
const serving = (who: string, root: string) =>
  fakeServer({
    hello,
    answers: {
      'resources/list': {resources: []},
      'resources/templates/list': {resourceTemplates: []},
      'skills/list': ({params}) =>
        params?.['cursor'] === undefined
          ? {skills: [], nextCursor: ''}
          : {skills: [{uri: `${root}/SKILL.md`, who, resources: 'dynamic'}]},
      'skills/get': ({params}) => ({skill: {uri: params?.['uri'] ?? '', who}}),
      'resources/directory/read': ({params}) => ({
        resources: [{uri: `${root}/a`}],
        of: params ?? {},
      }),
      'resources/read': ({params}) => ({contents: [{uri: params?.['uri'] ?? '', text: who}]}),
    },
  })

describe('skills of several servers in one session', () => {
  test('are listed together, all pages of them, and reached under the names that are shown', async () => {
    const root = 'skill://team/git'
    const servers = {One: serving('one', root), Two: serving('two', root)}
    const known = {One: hello, Two: hello}
    const client = await connectedClient({servers, known})
    expect(await client.ask('skills/list')).toEqual({
      skills: [
        {uri: `${root}/SKILL.md`, who: 'one', resources: 'dynamic'},
        {uri: 'skill://two~/team/git/SKILL.md', who: 'two', resources: 'dynamic'},
      ],
    })
    const marked = 'skill://two~/team/git'
    const uri = `${marked}/SKILL.md`
    expect(await client.ask('skills/get', {uri})).toEqual({skill: {uri, who: 'two'}})
    expect(await client.ask('resources/directory/read', {uri: marked, more: 1})).toEqual({
      resources: [{uri: `${marked}/a`}],
      of: {uri: root, more: 1},
    })
    const file = `${marked}/deep/b`
    expect(await client.ask('resources/read', {uri: file})).toEqual({
      contents: [{uri: file, text: 'two'}],
    })
  })

  test('come without those of a server that cannot be started', async () => {
    const gone = fakeServer({
      beforeOpen() {
        throw new Error('no such image')
      },
    })
    const servers = {gone, there: serving('there', 'skill://git')}
    const client = await connectedClient({servers, known: {gone: hello, there: hello}})
    expect(await client.ask('skills/list')).toMatchObject({skills: [{who: 'there'}]})
  })
})
