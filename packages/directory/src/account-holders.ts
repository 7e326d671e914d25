import type { PeerId } from '@layermesh/interface'
import { AccountHolder, type HoldingsAccount } from './holdings-account.ts'

/** The holders of all accounts of a table by their numbers, which are given again when they are free. */
export class AccountHolders {
  readonly #holders: (AccountHolder | undefined)[] = []
  readonly #freeIds: number[] = []

  /** Throws RangeError for a number that nobody has. */
  at(id: number): AccountHolder {
    const holder = this.#holders[id]
    if (holder === undefined) throw new RangeError(`no holder has the number ${id}`)
    return holder
  }

  /** The holder of an account for a peer, made if it isn't there. */
  of(account: HoldingsAccount, peer: PeerId): AccountHolder {
    const known = account.holders.get(peer)
    if (known !== undefined) return known
    const holder = new AccountHolder(account, peer, this.#freeIds.pop() ?? this.#holders.length)
    this.#holders[holder.id] = holder
    account.holders.set(peer, holder)
    return holder
  }

  /** Gives a number free; no pair may have it any more. */
  free({ id }: AccountHolder): void {
    this.#holders[id] = undefined
    this.#freeIds.push(id)
  }
}
