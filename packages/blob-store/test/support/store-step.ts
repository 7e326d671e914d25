/** One thing that happens to a store; `pick`s choose among what there is at the time. */
export type Step =
  | {
      readonly kind:
        | 'put'
        | 'begin'
        | 'commit'
        | 'pause'
        | 'fail'
        | 'open'
        | 'close'
        | 'purge'
        | 'pin'
        | 'unpin'
        | 'use'
        | 'purge all'
        | 'reopen'
      readonly pick: number
    }
  | { readonly kind: 'write'; readonly pick: number; readonly piece: number; readonly sizeBytes: number }
  /** From and to, in per mille of the blob. */
  | { readonly kind: 'read'; readonly pick: number; readonly from: number; readonly to: number }
  | { readonly kind: 'flip'; readonly pick: number; readonly at: number }
  | { readonly kind: 'wait'; readonly minutes: number }
  /** In the middle of a put, after so many accesses to the disk. */
  | { readonly kind: 'crash'; readonly pick: number; readonly accesses: number }
  | {
      readonly kind: 'power cut'
      readonly pick: number
      readonly accesses: number
      readonly index: 'spared' | 'lost' | 'older'
      readonly seed: number
    }
