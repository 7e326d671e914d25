import { systemClock, type PinStatus } from '@layermesh/interface'
import type { Command } from 'commander'
import { askDaemon, tellDaemon } from '../admin-client.ts'
import { addTokenOptions, type TokenOptions } from '../admin-token.ts'
import type { CliIo } from '../cli-io.ts'
import { formatTable } from '../table.ts'
import { formatAge, formatBytes } from '../units.ts'
import { writeAnswer } from '../write-answer.ts'
import { sizeText } from './count-text.ts'
import { shortDigest } from './short-digest.ts'

const EXPLANATION = `
A pinned image is not evicted and not purged. One that is not here yet is protected as soon as somebody pulls it. A pin
of a tag protects whatever the tag points to. Without IMAGE the pins are listed.

Examples:
  layermesh pin nginx:1.27
  layermesh pin ghcr.io/org/app@sha256:…
  layermesh pin --json | jq '.[] | select(.digest == null) | .image'`

/** `layermesh pin`: protects an image, or lists what is protected. */
export function addPinCommand(program: Command, io: CliIo): void {
  const command = program
    .command('pin')
    .description('protect an image from eviction, or show which images are')
    .argument('[image]', 'image by tag or digest')
  addTokenOptions(command)
    .addHelpText('after', EXPLANATION)
    .action(async (image: string | undefined, options: TokenOptions) => {
      if (image === undefined) {
        const pins = await askDaemon<readonly PinStatus[]>('/api/v1/pins', options, io)
        writeAnswer(pins, () => pinsText(pins, systemClock.now()), options, io)
      } else {
        const change = { method: 'PUT', path: '/api/v1/pins', body: { image } } as const
        writeAnswer(await tellDaemon<PinStatus>(change, options, io), pinnedText, options, io)
      }
    })
}

/** The pins for people at `nowMs` (Unix time in milliseconds), in the order in which they come. */
export function pinsText(pins: readonly PinStatus[], nowMs: number): string {
  if (pins.length === 0) return 'nothing is pinned: layermesh pin IMAGE protects an image from eviction\n'
  return formatTable(
    ['left', 'left', 'right', 'right', 'right'],
    [
      ['IMAGE', 'DIGEST', 'BLOBS', 'SIZE', 'PINNED'],
      ...pins.map(({ blobs, bytes, digest, image, pinnedAt }) => [
        image,
        digest === null ? 'not here yet' : shortDigest(digest),
        String(blobs),
        formatBytes(bytes),
        formatAge(nowMs - Date.parse(pinnedAt)),
      ]),
    ],
  )
}

function pinnedText({ blobs, bytes, digest, image }: PinStatus): string {
  const what = digest === null ? 'it is not here yet' : `that protects ${sizeText(bytes, blobs)}`
  return `pinned ${image}: ${what}\n`
}
