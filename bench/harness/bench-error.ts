/** What a person who runs a benchmark did wrong or lacks; its message is all that they need to see. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
}
