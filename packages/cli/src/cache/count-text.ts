import { formatBytes } from '../units.ts'

/** A number of things: `1 image`, `2 images`. */
export function countText(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** How much some blobs are: `1.5 GiB in 12 blobs`. */
export function sizeText(bytes: number, blobs: number): string {
  return `${formatBytes(bytes)} in ${countText(blobs, 'blob')}`
}
