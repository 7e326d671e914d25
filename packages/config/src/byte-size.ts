import type { Format } from './format.ts'

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
}
const MAX_BYTES = 1024 ** 5

/** How many bytes. */
export const byteSize: Format<number> = {
  name: 'byte-size',
  allowed: 'a size from 0B to 1024TiB, such as 500MiB, 50GiB or 1.5TB',
  parse(text) {
    const [, amount, unit] = /^(\d{1,12}(?:\.\d{1,6})?) ?([KMGT]iB|[kMGT]B|B)$/.exec(text) ?? []
    const unitBytes = UNIT_BYTES[unit ?? '']
    const bytes = Math.round(Number(amount) * (unitBytes ?? Number.NaN))
    return bytes <= MAX_BYTES ? bytes : undefined
  },
}
