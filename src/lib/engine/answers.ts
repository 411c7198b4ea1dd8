import * as z from 'zod'
import type {
  ContainerDetails,
  ContainerFacts,
  Distribution,
  EngineInfo,
  ImageFacts,
  NetworkFacts,
  PullProgress,
  VolumeFacts,
} from './engine.ts'

// Go writes an empty list or map as null.
const texts = z.array(z.string()).nullish()
const labels = z.record(z.string(), z.string()).nullish()

/** `GET /version`. */
export const versionAnswer = z
  .object({
    Version: z.string(),
    ApiVersion: z.string().regex(/^\d+\.\d+$/),
    Os: z.string(),
    Arch: z.string(),
    Platform: z.object({Name: z.string().nullish()}).nullish(),
  })
  .transform(
    (answer): EngineInfo => ({
      version: answer.Version,
      apiVersion: answer.ApiVersion,
      os: answer.Os,
      arch: answer.Arch,
      product: answer.Platform?.Name ?? '',
    }),
  )

/** `GET /info`, of which an engine without cgroups says `false`. */
export const limitsAnswer = z
  .object({
    MemoryLimit: z.boolean().nullish(),
    CpuCfsQuota: z.boolean().nullish(),
    PidsLimit: z.boolean().nullish(),
  })
  .transform(({MemoryLimit, CpuCfsQuota, PidsLimit}): readonly string[] => {
    const kept = {memory: MemoryLimit, cpus: CpuCfsQuota, pids: PidsLimit}
    return Object.entries(kept).flatMap(([limit, isKept]) => (isKept === false ? [limit] : []))
  })

/** `GET /images/{name}/json`. */
export const imageAnswer = z
  .object({
    Id: z.string(),
    Architecture: z.string(),
    Os: z.string(),
    Size: z.number(),
    RepoDigests: texts,
    Config: z
      .object({
        User: z.string().nullish(),
        Entrypoint: texts,
        Cmd: texts,
        Labels: labels,
        // Each with an empty object.
        Volumes: z.record(z.string(), z.unknown()).nullish(),
        WorkingDir: z.string().nullish(),
      })
      .nullish(),
  })
  .transform(
    (answer): ImageFacts => ({
      id: answer.Id,
      architecture: answer.Architecture,
      os: answer.Os,
      user: answer.Config?.User ?? '',
      entrypoint: answer.Config?.Entrypoint ?? [],
      cmd: answer.Config?.Cmd ?? [],
      labels: answer.Config?.Labels ?? {},
      volumes: Object.keys(answer.Config?.Volumes ?? {}),
      workingDir: answer.Config?.WorkingDir ?? '',
      size: answer.Size,
      repoDigests: answer.RepoDigests ?? [],
    }),
  )

/** `GET /distribution/{name}/json`. Engines leave the platforms out where there is but one. */
export const distributionAnswer = z
  .object({
    Descriptor: z.object({digest: z.string().regex(/^[a-z0-9]+:[a-f0-9]{32,}$/)}),
    Platforms: z
      .array(
        z.object({
          os: z.string().nullish(),
          architecture: z.string().nullish(),
          variant: z.string().nullish(),
        }),
      )
      .nullish(),
  })
  .transform(
    ({Descriptor, Platforms}): Distribution => ({
      digest: Descriptor.digest,
      platforms: (Platforms ?? []).flatMap(({os, architecture, variant}) =>
        // Signatures and the like stand among the images, for `unknown`.
        os && architecture && architecture !== 'unknown'
          ? [{os, architecture, ...(variant && {variant})}]
          : [],
      ),
    }),
  )

/** `POST /containers/create`, `/containers/{id}/exec` and `/networks/create`. */
export const createAnswer = z
  .object({Id: z.string().min(1)})
  .transform((answer): string => answer.Id)

/** `POST /containers/{id}/wait`; `Error` when the engine could not wait to the end. */
export const waitAnswer = z.object({
  StatusCode: z.number(),
  Error: z.object({Message: z.string().nullish()}).nullish(),
})

/** `GET /containers/json`. */
export const listAnswer = z.array(
  z
    .object({
      Id: z.string(),
      Names: texts,
      Labels: labels,
      State: z.string(),
      Status: z.string(),
      Created: z.number(),
    })
    .transform(
      (answer): ContainerFacts => ({
        id: answer.Id,
        name: plainName(answer.Names?.[0]),
        labels: answer.Labels ?? {},
        state: answer.State,
        status: answer.Status,
        createdAt: new Date(answer.Created * 1000),
      }),
    ),
)

/** `GET /containers/{id}/json`. */
export const containerAnswer = z
  .object({
    Id: z.string(),
    Name: z.string(),
    Created: z.string(),
    Config: z.object({Image: z.string(), Labels: labels}),
    State: z.object({
      Status: z.string(),
      ExitCode: z.number(),
      OOMKilled: z.boolean(),
      Error: z.string(),
    }),
  })
  .transform(
    (answer): ContainerDetails => ({
      id: answer.Id,
      name: plainName(answer.Name),
      image: answer.Config.Image,
      labels: answer.Config.Labels ?? {},
      createdAt: new Date(answer.Created),
      state: answer.State.Status,
      exitCode: answer.State.ExitCode,
      oomKilled: answer.State.OOMKilled,
      error: answer.State.Error,
    }),
  )

/** `GET /containers/{id}/json?size=1`; the size is left out when the engine cannot tell it. */
export const sizeAnswer = z
  .object({SizeRw: z.number().nonnegative().nullish()})
  .transform((answer): number | undefined => answer.SizeRw ?? undefined)

/** `GET /networks/{id}`. */
export const networkAnswer = z.object({
  IPAM: z
    .object({
      Config: z
        .array(z.object({Gateway: z.string().nullish(), Subnet: z.string().nullish()}))
        .nullish(),
    })
    .nullish(),
})

/** `GET /networks`. */
export const networksAnswer = z.array(
  z
    .object({Id: z.string().min(1), Name: z.string(), Labels: labels, Created: z.string()})
    .transform(
      (answer): NetworkFacts => ({
        id: answer.Id,
        name: answer.Name,
        labels: answer.Labels ?? {},
        createdAt: new Date(answer.Created),
      }),
    ),
)

/** `GET /networks/{id}`: the running containers by their ids. */
export const membersAnswer = z
  .object({Containers: z.record(z.string(), z.unknown()).nullish()})
  .transform((answer): readonly string[] => Object.keys(answer.Containers ?? {}))

/** `GET /volumes`. */
export const volumesAnswer = z
  .object({
    Volumes: z
      .array(
        z
          .object({Name: z.string().min(1), Labels: labels, CreatedAt: z.string().nullish()})
          .transform(
            (answer): VolumeFacts => ({
              name: answer.Name,
              labels: answer.Labels ?? {},
              createdAt: answer.CreatedAt ? new Date(answer.CreatedAt) : undefined,
            }),
          ),
      )
      .nullish(),
  })
  .transform((answer): readonly VolumeFacts[] => answer.Volumes ?? [])

/** One line of `POST /images/create`: progress, or the reason why the pull ended. */
export const pullLine = z
  .object({
    id: z.string().nullish(),
    status: z.string().nullish(),
    progressDetail: z
      .object({current: z.number().nullish(), total: z.number().nullish()})
      .nullish(),
    error: z.string().nullish(),
  })
  .transform((line): {error: string} | {progress: PullProgress} => {
    if (line.error) return {error: line.error}
    const {current, total} = line.progressDetail ?? {}
    return {
      progress: {
        layer: bounded(line.id ?? ''),
        status: bounded(line.status ?? ''),
        ...(current != null && {current}),
        ...(total != null && {total}),
      },
    }
  })

/** No layer's id and no state of one is near this. */
const LONGEST_WORD = 200

/** A part of a long text would keep all of it in memory: it is copied. */
function bounded(text: string): string {
  return text.length <= LONGEST_WORD
    ? text
    : Buffer.from(text.slice(0, LONGEST_WORD)).toString('utf8')
}

/** What the engine says when it refuses. */
export const refusal = z.object({message: z.string()})

function plainName(name = ''): string {
  return name.replace(/^\//, '')
}
