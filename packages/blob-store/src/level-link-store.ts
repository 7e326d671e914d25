import {
  type ContentKind,
  type ContentRef,
  coversAccess,
  type Digest,
  type LinkStore,
  type Log,
} from '@layermesh/interface'
import type { Level } from 'level'
import type { IndexChange } from './index-change.ts'
import { KeyedQueue } from './keyed-queue.ts'
import { isFields, parseStoredDigest, parseStoredRepository } from './stored-record.ts'
import { StoredRecords } from './stored-records.ts'

/** Links of one digest that are kept, at most. */
export const MAX_LINKS = 256

const KINDS: readonly ContentKind[] = ['manifest', 'blob']

/**
 * Links in the store's LevelDB. Those of a digest are one record, so that they go in one batch with what else is known
 * of its blob.
 */
export class LevelLinkStore implements LinkStore {
  readonly #records: StoredRecords<readonly ContentRef[]>
  readonly #changes = new KeyedQueue<Digest>()

  constructor(deps: { readonly log: Log; readonly db: Level }) {
    this.#records = new StoredRecords(deps, { name: 'links', parse: parseLinks })
  }

  async put(ref: ContentRef): Promise<void> {
    // Most of what is pulled was pulled before: that needs no turn.
    if (grants(await this.of(ref.digest), ref)) return
    await this.#change(ref.digest, (links) =>
      grants(links, ref) ? links : [...links.filter((link) => !isSame(link, ref)), ref].slice(-MAX_LINKS),
    )
  }

  async of(digest: Digest): Promise<readonly ContentRef[]> {
    return (await this.#records.find(digest)) ?? []
  }

  async remove(ref: ContentRef): Promise<void> {
    await this.#change(ref.digest, (links) =>
      includes(links, ref) ? links.filter((link) => !isSame(link, ref)) : links,
    )
  }

  async *list(): AsyncGenerator<ContentRef, void, undefined> {
    for await (const [, links] of this.#records.entries()) yield* links ?? []
  }

  /** The change that drops all links of a digest, for the batch in which its blob is forgotten. */
  removing(digest: Digest): IndexChange {
    return this.#records.removing(digest)
  }

  /**
   * Drops the links of all digests that aren't held, such as those of content that was passed on without being kept;
   * returns of how many digests. `isHeld` must know what is on disk and what is on its way there.
   */
  async removeUnheld(isHeld: (digest: Digest) => boolean): Promise<number> {
    const isUnheld = (key: string) => {
      const digest = parseStoredDigest(key)
      return digest === undefined || !isHeld(digest)
    }
    let removed = 0
    for await (const keys of this.#records.keysWhere(isUnheld)) {
      // One that was being fetched for the first time may have come while the others were looked at.
      const unheld = keys.filter(isUnheld)
      await this.#records.write(...unheld.map((key) => this.#records.removing(key)))
      removed += unheld.length
    }
    return removed
  }

  /** Replaces the links of a digest by what `change` makes of them, which is the same array when there is nothing to write. */
  #change(digest: Digest, change: (links: readonly ContentRef[]) => readonly ContentRef[]): Promise<void> {
    return this.#changes.run(digest, async () => {
      const before = await this.of(digest)
      const after = change(before)
      if (after === before) return
      await this.#records.write(
        after.length === 0 ? this.removing(digest) : this.#records.putting(digest, fieldsOf(after)),
      )
    })
  }
}

function includes(links: readonly ContentRef[], ref: ContentRef): boolean {
  return links.some((link) => isSame(link, ref))
}

/** Whether there is a link that gives what `ref` would. */
function grants(links: readonly ContentRef[], ref: ContentRef): boolean {
  return links.some((link) => isSame(link, ref) && coversAccess(link.access, ref.access))
}

function isSame(a: ContentRef, b: ContentRef): boolean {
  return a.kind === b.kind && a.upstream === b.upstream && a.repository === b.repository
}

function fieldsOf(links: readonly ContentRef[]): Readonly<Record<string, unknown>> {
  return {
    links: links.map(({ kind, upstream, repository, access }) => ({
      ...{ kind, upstream, repository },
      ...(access === 'login' && { access }),
    })),
  }
}

/** A link that makes no sense takes no other with it. */
function parseLinks(
  key: string,
  fields: Readonly<Record<string, unknown>>,
): readonly ContentRef[] | undefined {
  const digest = parseStoredDigest(key)
  const { links } = fields
  if (digest === undefined || !Array.isArray(links)) return undefined
  return links.flatMap((link: unknown) => parseLink(digest, link) ?? [])
}

function parseLink(digest: Digest, link: unknown): ContentRef | undefined {
  if (!isFields(link)) return undefined
  const kind = KINDS.find((known) => known === link['kind'])
  const repository = parseStoredRepository(link)
  return kind && repository && { kind, digest, ...repository }
}
