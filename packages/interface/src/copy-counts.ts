import type { LinkClass } from './locality.ts'

/** How many other nodes hold a blob, by link class. */
export type CopyCounts = Readonly<Record<LinkClass, number>>
