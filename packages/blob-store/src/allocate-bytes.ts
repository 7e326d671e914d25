/**
 * Memory of its own, not zeroed, for reading into. It isn't a Buffer, because `slice` of a Buffer doesn't copy:
 * whoever keeps a chunk by `chunk.slice()` would keep memory that changes.
 */
export function allocateBytes(sizeBytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer, 0, sizeBytes)
}
