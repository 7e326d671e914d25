import { StoreFullError } from '@layermesh/interface'
import { excessBytes, missingBytes, type SpaceLimits, type SpaceUse } from './space-plan.ts'

/** Room that is kept for one fill. */
export interface Reservation {
  /** Notes that so many bytes of it are on disk now. */
  wrote(bytes: number): void
  /** Gives back what is reserved; idempotent. */
  release(): void
}

/** Collaborators of {@link Room}. */
export interface RoomDeps {
  /** Bytes that the file system has left. */
  readonly freeBytes: () => Promise<number>
  /** Bytes on disk of all that isn't a fill under way: finished blobs, paused fills, quarantine. */
  readonly heldBytes: () => number
  /** Removes what may go, of `bytes` or a little more in all; resolves to what went. With `orNothing` it removes nothing if that would not be enough. */
  readonly makeRoom: (bytes: number, options: { readonly orNothing: boolean }) => Promise<number>
}

/**
 * How much the store takes and may take. Room is reserved before a fill begins, so that those that have begun can end;
 * both limits are looked at each time.
 */
export class Room {
  readonly limits: SpaceLimits
  readonly #deps: RoomDeps
  #reservedBytes = 0
  #unwrittenBytes = 0
  /** Room is made for one after the other: two would make it twice. */
  #making: Promise<unknown> = Promise.resolve()
  #tidying: Promise<void> | undefined

  constructor(deps: RoomDeps, limits: SpaceLimits) {
    this.#deps = deps
    this.limits = limits
  }

  /** Bytes that fills under way have reserved. */
  get reservedBytes(): number {
    return this.#reservedBytes
  }

  /** All that counts against the budget. */
  get usedBytes(): number {
    return this.#deps.heldBytes() + this.#reservedBytes
  }

  /** Reserves room, and makes it if need be. Throws ERR_STORE_FULL when there is none to be had. */
  async reserve(sizeBytes: number): Promise<Reservation> {
    if (sizeBytes > this.limits.maxBytes) {
      throw new StoreFullError(
        `${sizeBytes} bytes are more than the cache may hold (${this.limits.maxBytes})`,
      )
    }
    const reservation =
      this.#tryReserve(sizeBytes, await this.#deps.freeBytes()) ??
      (await this.#inTurn(() => this.#reserve(sizeBytes)))
    // Off the way of the one who waits: the next shall find room.
    void this.tidy()
    return reservation
  }

  /**
   * Makes room for bytes that have been reserved and that the disk refuses all the same, as when others have filled it.
   * Resolves to whether any was made.
   */
  async relieve(sizeBytes: number): Promise<boolean> {
    return this.#inTurn(async () => (await this.#deps.makeRoom(sizeBytes, { orNothing: false })) > 0)
  }

  /** Brings the store below its marks again, if it is above. Never rejects; runs once at a time. */
  tidy(): Promise<void> {
    this.#tidying ??= this.#inTurn(async () => {
      const excess = excessBytes(this.limits, this.#use(await this.#deps.freeBytes()))
      if (excess > 0) await this.#deps.makeRoom(excess, { orNothing: false })
    })
      .catch(() => {})
      .finally(() => {
        this.#tidying = undefined
      })
    return this.#tidying
  }

  /** Resolves when room that is being made has been made; never rejects. */
  async whenQuiet(): Promise<void> {
    await this.#making
  }

  async #reserve(sizeBytes: number): Promise<Reservation> {
    const missing = missingBytes(this.limits, this.#use(await this.#deps.freeBytes()), sizeBytes)
    if (missing > 0) await this.#deps.makeRoom(missing, { orNothing: true })
    const reservation = this.#tryReserve(sizeBytes, await this.#deps.freeBytes())
    if (reservation !== undefined) return reservation
    throw new StoreFullError(
      `there is no room for ${sizeBytes} bytes, and nothing that may be evicted for them`,
    )
  }

  #tryReserve(sizeBytes: number, freeBytes: number): Reservation | undefined {
    if (missingBytes(this.limits, this.#use(freeBytes), sizeBytes) > 0) return undefined
    let unwrittenBytes = sizeBytes
    let isReleased = false
    this.#reservedBytes += sizeBytes
    this.#unwrittenBytes += sizeBytes
    return {
      wrote: (bytes) => {
        const counted = isReleased ? 0 : Math.min(bytes, unwrittenBytes)
        unwrittenBytes -= counted
        this.#unwrittenBytes -= counted
      },
      release: () => {
        if (isReleased) return
        isReleased = true
        this.#reservedBytes -= sizeBytes
        this.#unwrittenBytes -= unwrittenBytes
      },
    }
  }

  #use(freeBytes: number): SpaceUse {
    return { usedBytes: this.usedBytes, unwrittenBytes: this.#unwrittenBytes, freeBytes }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#making.then(work)
    this.#making = result.catch(() => {})
    return result
  }
}
