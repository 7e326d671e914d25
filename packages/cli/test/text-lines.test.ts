import assert from 'node:assert/strict'
import { textLines } from '../src/text-lines.ts'

async function linesOf(...chunks: readonly Uint8Array[]): Promise<readonly string[]> {
  return await Array.fromAsync(
    textLines(
      (async function* () {
        yield* chunks
      })(),
    ),
  )
}

describe('textLines', () => {
  it('are the same wherever the bytes are cut', async () => {
    const bytes = Buffer.from('{"a":"ä"}\n\nlast\n')
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.deepEqual(await linesOf(bytes.subarray(0, cut), bytes.subarray(cut)), ['{"a":"ä"}', '', 'last'])
    }
  })

  it('leave out what has no line break', async () => {
    assert.deepEqual(await linesOf(Buffer.from('a\nb')), ['a'])
    assert.deepEqual(await linesOf(), [])
  })
})
