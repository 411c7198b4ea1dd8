import * as z from 'zod'
import type {
  ContainerDetails,
  ContainerFacts,
  EngineInfo,
  ImageFacts,
  PullProgress,
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
  })
  .transform(
    (answer): EngineInfo => ({
      version: answer.Version,
      apiVersion: answer.ApiVersion,
      os: answer.Os,
      arch: answer.Arch,
    }),
  )

/** `GET /images/{name}/json`. */
export const imageAnswer = z
  .object({
    Id: z.string(),
    Architecture: z.string(),
    Os: z.string(),
    Size: z.number(),
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
        layer: line.id ?? '',
        status: line.status ?? '',
        ...(current != null && {current}),
        ...(total != null && {total}),
      },
    }
  })

/** What the engine says when it refuses. */
export const refusal = z.object({message: z.string()})

function plainName(name = ''): string {
  return name.replace(/^\//, '')
}
