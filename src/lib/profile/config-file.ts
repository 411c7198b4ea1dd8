import {readTextFile} from '../files/atomic.ts'
import {editFile} from '../files/edit-file.ts'
import type {StatePaths} from '../files/paths.ts'
import {becomeYaml} from '../files/yaml-become.ts'
import {hasComments, parseYamlMap, yamlPlaces} from '../files/yaml.ts'
import {readConfig} from './legacy.ts'
import {credentialInConfig, findCredential} from './profile-file.ts'

/** The text of `config.yaml`; empty when there is no such file. */
export async function configText({config}: StatePaths): Promise<string> {
  return (await readTextFile(config)) ?? ''
}

/**
 * Makes `config.yaml` say what a document says. Values that stay keep their place and the comments around them; a
 * document with comments of its own is taken as it is.
 * @param text a YAML map of maps, by server
 * @param from what to call the document in errors
 * @throws PluginError FILE_INVALID with the place, also for a value that looks like a credential; then nothing is written. FILE_DENIED, FILE_BUSY
 */
export async function writeConfig(paths: StatePaths, text: string, from: string): Promise<void> {
  readConfig(text, from)
  const wanted = parseYamlMap(text, from)
  const leak = await findCredential(wanted)
  if (leak) {
    const {line, column} = yamlPlaces(text)(leak.path)
    throw credentialInConfig(`${from}:${line}:${column}: “${leak.path.join('.')}”`, leak)
  }
  await editFile(paths.config, before =>
    filled(hasComments(text) || before.trim() === '' ? text : becomeYaml(before, wanted)),
  )
}

/** Takes everything out of `config.yaml`; comments that belong to no value stay. */
export async function resetConfig(paths: StatePaths): Promise<void> {
  await editFile(paths.config, before => filled(becomeYaml(before, {})))
}

/** A gateway that runs takes an empty file for one that is being written. */
function filled(text: string): string {
  if (text.trim() === '') return '{}\n'
  return text.endsWith('\n') ? text : `${text}\n`
}
