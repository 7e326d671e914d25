import assert from 'node:assert/strict'
import { DATA_FRAME_BYTES, exactly, toDataFrames } from '../src/byte-stages.ts'

async function* sourceOf(...sizes: number[]): AsyncGenerator<Uint8Array, void> {
  for (const size of sizes) yield await Promise.resolve(new Uint8Array(size).fill(size & 0xff))
}

describe('byte stages', () => {
  describe('exactly', () => {
    it('passes all bytes, and tells before the last ones', async () => {
      const seen: string[] = []
      const stage = exactly(6, () => seen.push('last'))
      for await (const chunk of stage(sourceOf(1, 0, 2, 3, 0))) seen.push(String(chunk.length))
      assert.deepEqual(seen, ['1', '2', 'last', '3'])
    })

    it('throws when there are more or fewer bytes', async () => {
      await assert.rejects(Array.fromAsync(exactly(5, () => {})(sourceOf(3, 3))), /more bytes/)
      await assert.rejects(Array.fromAsync(exactly(5, () => {})(sourceOf(3, 1))), /fewer bytes/)
    })
  })

  describe('toDataFrames', () => {
    it('cuts chunks that are too long for a frame, and copies them', async () => {
      const chunk = Buffer.alloc(2 * DATA_FRAME_BYTES + 1, 7)
      async function* chunks() {
        yield await Promise.resolve(chunk)
      }
      const frames = await Array.fromAsync(toDataFrames(chunks()))
      chunk.fill(0)
      assert.deepEqual(
        frames.map(({ length }) => length),
        [DATA_FRAME_BYTES + 1, DATA_FRAME_BYTES + 1, 2],
      )
      assert.deepEqual([...frames[2]!], [6, 7])
    })
  })
})
