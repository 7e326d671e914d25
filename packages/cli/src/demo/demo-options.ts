/** How many nodes a demo can have. */
export const DEMO_NODES = { min: 2, max: 20, default: 5 } as const

/** How large its image can be, in MiB: the unit of `--size`. */
export const DEMO_SIZE_MIB = { min: 1, max: 2048, default: 64 } as const

/** What a demo is made from. */
export interface DemoOptions {
  /** Within {@link DEMO_NODES}. */
  readonly nodes: number
  /** Bytes in the files of the image; within {@link DEMO_SIZE_MIB}. */
  readonly sizeBytes: number
}
