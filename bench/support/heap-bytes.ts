/** The heap that is in use after a garbage collection, with the memory of buffers. Throws without `--expose-gc`. */
export function heapBytes(): number {
  const { gc: collectGarbage } = globalThis
  if (collectGarbage === undefined) throw new Error('run with --expose-gc')
  collectGarbage()
  // Takes what the first one has finalized.
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
