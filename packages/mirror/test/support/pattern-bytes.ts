/** Bytes that differ from each other wherever a reader could mix them up: a counter of 32 bits, over and over. */
export function patternBytes(sizeBytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  for (let index = 0; index < words.length; index += 1) words[index] = Math.imul(index, 2_654_435_761)
  return Buffer.from(words.buffer, 0, sizeBytes)
}
