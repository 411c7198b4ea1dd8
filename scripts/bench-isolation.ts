/**
 * `npm run bench:isolation`: what it costs that servers are isolated, as ratios to containers as docker itself makes
 * them: how long a server takes to start, and what a call takes. Round robin, medians of one run: other work on the
 * machine then touches all alike. Processor time is read from /proc, so this runs on Linux only, beside the engine.
 */
import type {Scope} from '../src/lib/base/scope.ts'
import {table} from '../src/lib/ui/table.ts'
import {benchEngine} from './bench/containers.ts'
import {HTTP_HEAD, inwardRows, outwardRows} from './bench/isolated-http.ts'
import {removeLeftovers} from './bench/isolated.ts'
import {
  CALL_HEAD,
  callRows,
  comparedWays,
  START_HEAD,
  startRows,
  type Sample,
} from './bench/isolation-costs.ts'
import {runBench} from './bench/run.ts'
import {tinyImage} from './bench/tiny-image.ts'
import {report} from './process.ts'
import {buildSamples} from './samples.ts'

async function bench(scope: Scope): Promise<void> {
  const engine = await benchEngine()
  scope.defer(() => removeLeftovers(engine))
  const starts: string[][] = [START_HEAD]
  const calls: string[][] = [CALL_HEAD]
  for (const sample of await samples()) {
    const ways = comparedWays(engine, sample.image)
    starts.push(...(await startRows(sample, ways)))
    calls.push(...(await callRows(engine, sample, ways)))
  }
  process.stdout.write(`${table(starts)}\n${table(calls)}\n`)
  const overHttp = [...(await outwardRows(scope, engine)), ...(await inwardRows(engine))]
  process.stdout.write(table([HTTP_HEAD, ...overHttp]))
}

/** One that takes no time itself, and one as people have them. */
async function samples(): Promise<readonly Sample[]> {
  const tiny: Sample = {
    name: 'tiny',
    image: await tinyImage(),
    startRounds: 25,
    callsEach: 600,
    call: ['weather', {city: 'Paris'}],
  }
  const image = (await buildSamples(report)).find(({name}) => name === 'everything')?.image ?? ''
  const everything: Sample = {
    name: 'everything',
    image,
    startRounds: 21,
    callsEach: 150,
    call: ['echo', {message: 'how is the weather in Paris?'}],
  }
  return [tiny, everything]
}

await runBench(bench)
