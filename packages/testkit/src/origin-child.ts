import { buildImage, type BuiltImage, type ImageSpec } from './build-image.ts'
import { buildIndex } from './build-index.ts'
import { type BuiltArtifact, uniqueBytesOf } from './built-content.ts'
import type { ScriptedFault } from './fault-script.ts'
import type { CommandMessage, OriginCommands, ResultMessage } from './origin-commands.ts'
import { startOrigin, type OriginRegistry } from './origin-registry.ts'

// The process that `spawnOrigin` starts: an origin that is told over IPC what to do.

let started: OriginRegistry | undefined
const faults: ScriptedFault[] = []

const commands: OriginCommands = {
  start: async (options) => {
    started = await startOrigin(options)
    return { port: started.port }
  },
  add: async (repository, spec, tag) => {
    const image = await build(spec)
    requireOrigin().add(repository, image, tag === undefined ? {} : { tag })
    const contents = image.contents.values().map(({ descriptor }) => descriptor)
    return {
      manifest: image.manifest.descriptor,
      uniqueBytes: uniqueBytesOf(image),
      contents: contents.toArray(),
    }
  },
  account: () => requireOrigin().account(),
  resetAccount: () => {
    requireOrigin().resetAccount()
  },
  script: (fault) => faults.push(requireOrigin().script(fault)) - 1,
  release: (fault) => {
    faults[fault]?.release()
  },
  unscript: (fault) => {
    faults[fault]?.[Symbol.dispose]()
  },
}

async function build(spec: ImageSpec | readonly ImageSpec[]): Promise<BuiltArtifact> {
  if ('seed' in spec) return buildImage(spec)
  const images: BuiltImage[] = []
  for (const one of spec) images.push(await buildImage(one))
  return buildIndex(images)
}

process.on('message', (message: CommandMessage) => {
  // A parent that has gone in the meantime is what 'disconnect' is for.
  void run(message).then((result) => process.send?.(result, undefined, {}, () => {}))
})
// Without its parent nobody could stop it.
process.on('disconnect', () => {
  process.exit()
})

async function run({ id, name, args }: CommandMessage): Promise<ResultMessage> {
  try {
    const command = commands[name] as (...args: readonly unknown[]) => unknown
    return { id, result: await command(...args) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

function requireOrigin(): OriginRegistry {
  if (started === undefined) throw new Error('the origin has not been started')
  return started
}
