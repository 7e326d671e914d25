import { open, utimes } from 'node:fs/promises'

/** Turns over the bits of one byte of a file, as one who has changed it long ago. */
export async function flipByte(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  await file.write(Buffer.of(byte.readUInt8() ^ 0xff), 0, 1, offset)
  await utimes(path, 1, 1)
}
