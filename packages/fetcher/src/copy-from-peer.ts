import type { Transfer } from '@layermesh/exchange'
import { ContentUnavailableError, type Fill, PeerProtocolError } from '@layermesh/interface'

/** What a copy works with. */
export interface PeerCopy {
  readonly transfer: Transfer
  /** Where to go on. */
  readonly fill: Fill
  readonly onBytes: (count: number) => void
  /** Asked at the end of each piece whether to leave the rest to another source. */
  readonly shouldYield: () => boolean
  readonly signal: AbortSignal
}

/**
 * Fills what is missing with pieces from a peer; the next piece is asked for before the last is written, so that
 * the link doesn't idle. A piece is written once it matches the hash that the peer named for it. Returns when nothing
 * is missing, when the peer has no more of it, or when the rest is to come from elsewhere.
 *
 * Throws what the transfer threw, ERR_CONTENT_UNAVAILABLE when the peer tells another size than the source that began
 * the fill, and ERR_PEER_PROTOCOL when it cuts the blob otherwise than we do.
 */
export async function copyFromPeer(copy: PeerCopy): Promise<void> {
  const { transfer, fill } = copy
  // Which of the sources has told a wrong size isn't known yet: nobody is to blame.
  if (transfer.sizeBytes !== fill.sizeBytes) {
    throw new ContentUnavailableError(
      `the peer says that ${fill.digest} has ${transfer.sizeBytes} bytes, another source said ${fill.sizeBytes}`,
    )
  }
  if (transfer.pieceBytes !== fill.pieceBytes) {
    throw new PeerProtocolError(
      `the peer cuts ${fill.digest} into pieces of ${transfer.pieceBytes} bytes instead of ${fill.pieceBytes}`,
    )
  }
  for (;;) {
    const missing = fill.firstMissing()
    if (missing === undefined) return
    const first = Math.floor(missing.start / fill.pieceBytes)
    const last = Math.min(Math.floor((missing.end - 1) / fill.pieceBytes), transfer.availablePieces - 1)
    if (first > last) return
    let next = ask(copy, first)
    for (let index = first; index <= last; index += 1) {
      const asked = next
      const goesOn = index < last && !copy.shouldYield()
      if (goesOn) next = ask(copy, index + 1)
      const piece = await asked
      const pieceStart = index * fill.pieceBytes
      // The head of the first piece may be on disk already, from another source.
      const offset = Math.max(pieceStart, missing.start)
      const wanted = piece.subarray(offset - pieceStart)
      const written = fill.write(offset, wanted)
      // Before the disk has them: those who read may have them by then.
      copy.onBytes(wanted.length)
      await written
      if (!goesOn && index < last) return
    }
  }
}

function ask({ transfer, signal }: PeerCopy, index: number): Promise<Uint8Array> {
  const piece = transfer.piece(index, { signal })
  // Its failure is seen when it is awaited; until then an earlier piece's failure may end the copy.
  piece.catch(() => {})
  return piece
}
