import { LINK_CLASSES, systemClock, type CopyCounts, type ImageStatus } from '@layermesh/interface'
import { formatImageRepository } from '@layermesh/oci'
import type { Command } from 'commander'
import { askDaemon } from '../admin-client.ts'
import { addAdminOptions, type AdminOptions } from '../admin-options.ts'
import type { CliIo } from '../cli-io.ts'
import { formatTable } from '../table.ts'
import { formatAge, formatBytes } from '../units.ts'
import { writeAnswer } from '../write-answer.ts'
import { shortDigest } from './short-digest.ts'

const EXPLANATION = `
SIZE is what is on this node's disk, OWN the part of it that no other image uses: what its purge would free. A partial
image has too little here to be pulled without other nodes or its registry.

Examples:
  layermesh images
  layermesh images --json | jq '.[] | select(.pinned) | .repository'`

const NO_IMAGES =
  'no images yet: pull one through the mirror; layermesh serve says at its start how to point a runtime at it\n'

/** `layermesh images`: what is cached, image by image. */
export function addImagesCommand(program: Command, io: CliIo): void {
  const command = program.command('images').description('show which images are cached, and who else has them')
  addAdminOptions(command)
    .addHelpText('after', EXPLANATION)
    .action(async (options: AdminOptions) => {
      const images = await askDaemon<readonly ImageStatus[]>('/api/v1/images', options, io)
      writeAnswer(images, () => imagesText(images, systemClock.now()), options, io)
    })
}

/** The images for people at `nowMs` (Unix time in milliseconds), in the order in which they come. */
export function imagesText(images: readonly ImageStatus[], nowMs: number): string {
  if (images.length === 0) return NO_IMAGES
  return formatTable(
    ['left', 'left', 'left', 'left', 'right', 'right', 'right', 'left', 'left'],
    [
      ['IMAGE', 'TAGS', 'DIGEST', 'PLATFORMS', 'SIZE', 'OWN', 'LAST USED', 'HELD BY', 'STATE'],
      ...images.map((image) => [
        formatImageRepository(image),
        image.tags.join(', ') || '-',
        shortDigest(image.digest),
        image.platforms.join(', ') || '-',
        formatBytes(image.sizeBytes),
        formatBytes(image.ownBytes),
        formatAge(nowMs - Date.parse(image.lastUsedAt)),
        holdersText(image.holders),
        `${image.complete ? 'complete' : 'partial'}${image.pinned ? ', pinned' : ''}`,
      ]),
    ],
  )
}

function holdersText(holders: CopyCounts): string {
  const held = LINK_CLASSES.filter((link) => holders[link] > 0)
  return held.map((link) => `${holders[link]} in ${link}`).join(', ') || 'no other node'
}
