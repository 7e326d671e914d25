import {
  BlobCorruptError,
  FillWriteError,
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamProtocolError,
} from '@layermesh/interface'

/**
 * Whether what has come of a blob is of no use after a fetch that ended with `reason`: it is wrong, upstream has it no
 * longer or gives it to us no longer, or the disk has refused it. Else the next fetch goes on from it.
 */
export function spoilsFill(reason: Error): boolean {
  return (
    reason instanceof BlobCorruptError ||
    reason instanceof FillWriteError ||
    reason instanceof UpstreamNotFoundError ||
    reason instanceof UpstreamDeniedError ||
    // Such as 416 to an offset that isn't there: who told the size was wrong.
    reason.cause instanceof UpstreamProtocolError
  )
}
