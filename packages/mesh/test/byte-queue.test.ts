import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ByteQueue } from '../src/byte-queue.ts'

describe('ByteQueue', () => {
  const queueOf = (...chunks: readonly (readonly number[])[]): ByteQueue => {
    const queue = new ByteQueue()
    for (const chunk of chunks) queue.push(Uint8Array.from(chunk))
    return queue
  }

  it('gives back what was pushed, in order, however it was cut and is taken', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 20 })),
        fc.array(fc.nat({ max: 30 })),
        (chunks, sizes) => {
          const queue = queueOf(...chunks.map((chunk) => [...chunk]))
          const taken: number[] = []
          for (const size of sizes) taken.push(...queue.take(Math.min(size, queue.byteLength)))
          taken.push(...queue.take(queue.byteLength))
          assert.deepEqual(
            taken,
            chunks.flatMap((chunk) => [...chunk]),
          )
          assert.equal(queue.byteLength, 0)
        },
      ),
    )
  })

  describe('peekUint32', () => {
    it('reads four bytes across chunks as an unsigned big-endian number and leaves them', () => {
      const queue = queueOf([1], [], [0xff, 0xfe], [0xfd, 0xfc], [7])
      queue.drop(1)
      assert.equal(queue.peekUint32(), 0xfffefdfc)
      assert.equal(queue.byteLength, 5)
    })

    it('throws RangeError when there are fewer than four bytes', () => {
      assert.throws(() => queueOf([1, 2], [3]).peekUint32(), RangeError)
    })
  })

  describe('take', () => {
    it('returns memory of its own', () => {
      const chunk = Uint8Array.of(1, 2, 3)
      const queue = new ByteQueue()
      queue.push(chunk)
      const taken = queue.take(3)
      chunk.fill(9)
      assert.deepEqual(taken, Uint8Array.of(1, 2, 3))
    })

    it('throws RangeError when there are fewer bytes, and takes none', () => {
      const queue = queueOf([1, 2])
      assert.throws(() => queue.take(3), RangeError)
      assert.equal(queue.byteLength, 2)
    })
  })

  describe('drop', () => {
    it('drops bytes across chunks, and all of them when there are fewer', () => {
      const queue = queueOf([1, 2], [3, 4, 5])
      queue.drop(3)
      assert.deepEqual(queue.take(1), Uint8Array.of(4))
      queue.drop(10)
      assert.equal(queue.byteLength, 0)
    })
  })
})
