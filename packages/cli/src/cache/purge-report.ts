import type { PurgeReport } from '@layermesh/interface'
import { formatTable } from '../table.ts'
import { countText, sizeText } from './count-text.ts'

const MAX_LISTED = 20

/**
 * The reports of some purges as one. What each of them would keep because the others share it is counted for each, so
 * of several dry runs the sum says what would be freed at least.
 */
export function sumReports(reports: readonly PurgeReport[]): PurgeReport {
  const sum = (amountOf: (report: PurgeReport) => number) =>
    reports.reduce((total, report) => total + amountOf(report), 0)
  return {
    dryRun: reports.every(({ dryRun }) => dryRun),
    images: unique(reports.flatMap(({ images }) => images)),
    blobs: sum(({ blobs }) => blobs),
    bytes: sum(({ bytes }) => bytes),
    kept: {
      pinnedImages: unique(reports.flatMap(({ kept }) => kept.pinnedImages)),
      sharedBlobs: sum(({ kept }) => kept.sharedBlobs),
      sharedBytes: sum(({ kept }) => kept.sharedBytes),
    },
  }
}

/** Whether a purge has freed nothing, or would free nothing. */
export function freesNothing({ blobs, images }: PurgeReport): boolean {
  return blobs === 0 && images.length === 0
}

/** What a purge would free and what stays, for people. */
export function purgePlanText(report: PurgeReport): string {
  const { blobs, bytes, images } = report
  if (freesNothing(report)) return `there is nothing to free\n${keptText(report)}`
  return `would free ${sizeText(bytes, blobs)}, of ${countText(images.length, 'image')}\n${listText(images)}${keptText(report)}`
}

/** What a purge has freed and what stays, for people. */
export function purgeResultText(report: PurgeReport): string {
  const { blobs, bytes, images } = report
  return `freed ${sizeText(bytes, blobs)}, of ${countText(images.length, 'image')}\n${keptText(report)}`
}

function keptText({ kept }: PurgeReport): string {
  const { pinnedImages, sharedBlobs, sharedBytes } = kept
  const pinned = pinnedImages.length === 0 ? '' : `stays, because it is pinned:\n${listText(pinnedImages)}`
  const shared =
    sharedBlobs === 0 ? '' : `stays, because other images use it: ${sizeText(sharedBytes, sharedBlobs)}\n`
  return pinned + shared
}

// The whole list is in the JSON.
function listText(names: readonly string[]): string {
  const more = names.length - MAX_LISTED
  const listed = names.slice(0, MAX_LISTED).map((name) => [`  ${name}`])
  return names.length === 0
    ? ''
    : formatTable(['left'], more > 0 ? [...listed, [`  and ${more} more`]] : listed)
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)]
}
