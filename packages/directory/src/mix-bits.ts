/**
 * Spreads what differs in 32 bits over all of them (the finalizer of MurmurHash3), so that the exclusive or of two
 * values says nothing of the exclusive or of what they were made from. Returns an unsigned number.
 */
export function mixBits(bits: number): number {
  let mixed = bits
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
