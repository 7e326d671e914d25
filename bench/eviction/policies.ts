import type { NamedPolicy } from './cache-policy.ts'
import { Layermesh } from './layermesh.ts'
import { Lru } from './lru.ts'
import { S3Fifo } from './s3-fifo.ts'
import { Slru } from './slru.ts'

export const LRU: NamedPolicy = { name: 'LRU', create: (init) => new Lru(init) }

export const LAYERMESH: NamedPolicy = {
  name: 'layermesh',
  create: (init) => new Layermesh(init, { knowsCopies: true }),
}

/**
 * What is compared. The two before the last show what our policy would be without knowing who else has a blob, and if it let
 * no last copy of a region go before the others.
 */
export const POLICIES: readonly NamedPolicy[] = [
  LRU,
  { name: 'SLRU', create: (init) => new Slru(init) },
  { name: 'S3-FIFO', create: (init) => new S3Fifo(init) },
  { name: 'layermesh, copies unknown', create: (init) => new Layermesh(init, { knowsCopies: false }) },
  {
    name: 'layermesh, last copy last',
    create: (init) => new Layermesh(init, { knowsCopies: true, lastCopyLast: true }),
  },
  LAYERMESH,
]
