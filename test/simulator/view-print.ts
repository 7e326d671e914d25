import { hash } from 'node:crypto'

import { LINK_CLASSES, type LinkClass, type PeerId } from '@layermesh/interface'

/** 64 bits that stand for a node, as signed numbers. */
export interface NodePrint {
  readonly high: number
  readonly low: number
}

export function nodePrintOf(peer: PeerId): NodePrint {
  const bytes = hash('sha256', `print of ${peer}`, 'buffer')
  return { high: bytes.readInt32BE(0), low: bytes.readInt32BE(4) }
}

/**
 * What a node sees of each scope, in 64 bits: the exclusive or of all nodes in it. So that two views are the same is known
 * without going through them.
 */
export class ViewPrint {
  readonly #high: Record<LinkClass, number> = { site: 0, region: 0, world: 0 }
  readonly #low: Record<LinkClass, number> = { site: 0, region: 0, world: 0 }

  /** Adds a node that is as far away as `link`, or takes it away again. */
  toggle({ high, low }: NodePrint, link: LinkClass): void {
    // A node of the site is one of the region and of the world, too.
    for (const scope of LINK_CLASSES.slice(LINK_CLASSES.indexOf(link))) {
      this.#high[scope] ^= high
      this.#low[scope] ^= low
    }
  }

  /** What is seen of a scope, as text. */
  of(scope: LinkClass): string {
    return `${this.#high[scope]}.${this.#low[scope]}`
  }
}
