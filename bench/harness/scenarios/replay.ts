import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

import { BenchError } from '../bench-error.ts'
import { imageChain } from '../workload/image-chain.ts'
import { readPulls, type RecordedPull } from '../workload/read-pulls.ts'
import type { Scenario } from './scenario.ts'
import type { PublishedImage } from '../workload/published-image.ts'

/** How a recording is played. */
export interface ReplayInit {
  readonly file: string
  /** How much faster than it was. */
  readonly speed: number
}

/**
 * Makes a scenario of recorded pulls: who pulled becomes a node, in turn, and what was pulled an image of the same name whose content
 * is made up; tags of one repository share layers as versions do. A recording says nothing of what clients had, so they have
 * nothing. Throws a BenchError.
 */
export async function replayOf({ file, speed }: ReplayInit): Promise<Scenario> {
  let text
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new BenchError(`the recording ${file} can not be read: ${(cause as Error).message}`, { cause })
  }
  const pulls = readPulls(text, file)
  const clients = [...new Set(pulls.map(({ client }) => client))]
  return {
    name: 'replay',
    title: `Replay of ${pulls.length} recorded pulls by ${clients.length} clients, ${speed} times as fast`,
    topology: 'lan',
    async play(stage, { seed, imageBytes, compressiblePart }) {
      const images = new Map<string, PublishedImage>()
      for (const [repository, tags] of tagsByRepository(pulls)) {
        const specs = imageChain({
          seed: seed + seedOf(repository),
          sizeBytes: imageBytes,
          compressiblePart,
          versions: tags.length,
        })
        for (const [index, spec] of specs.entries()) {
          const tag = tags[index] ?? ''
          images.set(`${repository}:${tag}`, await stage.publish(repository, tag, spec))
        }
      }
      await stage.phase('the recording', async () => {
        const startedMs = performance.now()
        await Promise.all(
          pulls.map(async ({ atMs, client, repository, tag }) => {
            const waitMs = atMs / speed - (performance.now() - startedMs)
            await setTimeout(Math.max(0, waitMs), undefined, { signal: stage.signal })
            const node = stage.nodes[clients.indexOf(client) % stage.nodes.length]
            const image = images.get(`${repository}:${tag}`)
            if (node !== undefined && image !== undefined) await stage.pull(node, image, { keep: false })
          }),
        )
      })
    },
  }
}

function tagsByRepository(pulls: readonly RecordedPull[]): Map<string, string[]> {
  const tags = new Map<string, string[]>()
  for (const { repository, tag } of pulls) {
    const known = tags.get(repository) ?? []
    tags.set(repository, known.includes(tag) ? known : [...known, tag])
  }
  return tags
}

function seedOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32LE(0)
}
