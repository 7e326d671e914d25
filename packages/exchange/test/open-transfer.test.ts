import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { MAX_FRAME_BYTES, LayermeshError, type Frame, type PeerStream } from '@layermesh/interface'
import { seededBytes } from '@layermesh/testkit'
import { dataFrame, headFrame, openFrame, pieceFrame, refuseFrame, wantFrame } from '../src/blob-frames.ts'
import { WAIT_FRAME } from '../src/wait-frames.ts'
import { eventually } from './support/eventually.ts'
import { createImpostor, requestFor, STALL_TIMEOUT_MS } from './support/exchange-pair.ts'

const grid = { sizeBytes: 10_000, pieceBytes: 8192 }
const bytes = seededBytes('content', grid.sizeBytes)
const request = requestFor(bytes)
const head = headFrame(grid, true)
const first = pieceFrame(grid, 0, createHash('sha256').update(bytes.subarray(0, 8192)).digest())
const firstData = dataFrame(bytes.subarray(0, 8192))

/** Says what it is told to, each after the client has sent a frame, and stays on the line. */
function sayInTurn(...turns: readonly (readonly Frame[])[]) {
  return async (stream: PeerStream) => {
    for (const frames of turns) {
      await stream.receive()
      for (const frame of frames) await stream.send(frame)
    }
    while ((await stream.receive()) !== undefined);
  }
}

describe('openTransfer', () => {
  describe('while opening', () => {
    for (const [what, frame] of [
      ['a piece', first],
      ['data', firstData],
      ['a frame of a client', wantFrame(0)],
      ['a request', openFrame(request)],
      ['a frame that is too long', Buffer.alloc(MAX_FRAME_BYTES + 1, 6)],
      ['nothing', new Uint8Array()],
      ['garbage', Buffer.from('HTTP/1.1 400 Bad Request')],
    ] as const) {
      it(`rejects with ERR_PEER_PROTOCOL for ${what}`, async () => {
        const { exchange, peer, clock } = await createImpostor(sayInTurn([frame]))
        await assert.rejects(exchange.open(peer, request), { code: 'ERR_PEER_PROTOCOL', blamesPeer: true })
        assert.equal(clock.pendingTimers, 0)
      })
    }

    it('rejects with ERR_PEER_STALLED when nothing comes for the time-out of the link', async () => {
      const { exchange, peer, clock } = await createImpostor(sayInTurn([]))
      const opening = exchange.open(peer, request)
      const rejected = assert.rejects(opening, {
        code: 'ERR_PEER_STALLED',
        retryable: true,
        blamesPeer: false,
      })
      await letFramesArrive()
      clock.advance(STALL_TIMEOUT_MS)
      await rejected
      assert.equal(clock.pendingTimers, 0)
    })

    it('rejects with ERR_PEER_STALLED when a peer that said "wait" says nothing more', async () => {
      const said = Promise.withResolvers<undefined>()
      const { exchange, peer, clock } = await createImpostor(async (stream) => {
        await stream.receive()
        await said.promise
        await stream.send(WAIT_FRAME)
        await stream.receive()
      })
      const opening = exchange.open(peer, request)
      const rejected = assert.rejects(opening, { code: 'ERR_PEER_STALLED' })
      await letFramesArrive()
      clock.advance(STALL_TIMEOUT_MS - 1)
      said.resolve(undefined)
      await letFramesArrive()
      clock.advance(STALL_TIMEOUT_MS - 1)
      await letFramesArrive()
      clock.advance(1)
      await rejected
    })

    it('rejects with ERR_PEER_STREAM when the peer hangs up', async () => {
      const closing = await createImpostor(async (stream) => {
        await stream.receive()
      })
      await assert.rejects(closing.exchange.open(closing.peer, request), { code: 'ERR_PEER_STREAM' })
      const resetting = await createImpostor(() => Promise.reject(new Error('crashed')))
      await assert.rejects(resetting.exchange.open(resetting.peer, request), { code: 'ERR_PEER_STREAM' })
    })
  })

  describe('while a piece comes', () => {
    for (const [what, frames] of [
      ['another piece', [pieceFrame(grid, 1, Buffer.alloc(32))]],
      ['a piece of another size', [pieceFrame({ ...grid, pieceBytes: 4096 }, 0, Buffer.alloc(32))]],
      ['data before the piece', [firstData]],
      ['a second head', [head]],
      ['a piece within a piece', [first, first]],
      ['more data than the piece has', [first, dataFrame(Buffer.alloc(8193))]],
      ['data with another hash', [first, dataFrame(Buffer.alloc(8192))]],
      ['garbage', [first, Buffer.from('garbage')]],
    ] as const) {
      it(`rejects with ERR_PEER_PROTOCOL for ${what}`, async () => {
        const { exchange, peer, clock } = await createImpostor(sayInTurn([head], frames))
        await using transfer = await exchange.open(peer, request)
        await assert.rejects(transfer.piece(0), { code: 'ERR_PEER_PROTOCOL', blamesPeer: true })
        assert.equal(clock.pendingTimers, 0)
      })
    }

    it('takes the end of the stream for a loss, even after all bytes of a piece but one', async () => {
      const { exchange, peer } = await createImpostor(async (stream) => {
        await stream.receive()
        await stream.send(head)
        await stream.receive()
        await stream.send(first)
        await stream.send(dataFrame(bytes.subarray(0, 8191)))
      })
      await using transfer = await exchange.open(peer, request)
      await assert.rejects(transfer.piece(0), { code: 'ERR_PEER_STREAM' })
    })

    it('takes a refusal after the bytes of an earlier piece for the answer to the next', async () => {
      const { exchange, peer } = await createImpostor(
        sayInTurn([head], [first, firstData, refuseFrame('unavailable', { message: 'the disk failed' })]),
      )
      await using transfer = await exchange.open(peer, request)
      const [one, two] = [transfer.piece(0), transfer.piece(1)]
      assert.ok(bytes.subarray(0, 8192).equals(await one))
      await assert.rejects(two, { code: 'ERR_PEER_MISSING', message: /the disk failed/ })
    })

    it('rejects with ERR_PEER_STALLED when data stops to come', async () => {
      const { exchange, peer, clock } = await createImpostor(sayInTurn([head], [first]))
      await using transfer = await exchange.open(peer, request)
      const rejected = assert.rejects(transfer.piece(0), { code: 'ERR_PEER_STALLED' })
      await letFramesArrive()
      clock.advance(STALL_TIMEOUT_MS)
      await rejected
      await assert.rejects(transfer.piece(1), { code: 'ERR_PEER_STALLED' })
    })

    it('never throws anything but an error with a code, whatever the peer says', async () => {
      const says = fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 64 }),
          fc.constantFrom(head, first, firstData, WAIT_FRAME, refuseFrame('busy', { message: '' })),
        ),
        { maxLength: 6 },
      )
      await fc.assert(
        fc.asyncProperty(says, async (frames) => {
          const { exchange, peer } = await createImpostor(async (stream) => {
            for (const frame of frames) await stream.send(frame)
          })
          try {
            await using transfer = await exchange.open(peer, request)
            const piece = await transfer.piece(0)
            assert.ok(bytes.subarray(0, 8192).equals(piece))
          } catch (error) {
            assert.ok(error instanceof LayermeshError, `${String(error)} was thrown`)
          }
        }),
        { numRuns: 300 },
      )
    })
  })
})

async function letFramesArrive(): Promise<void> {
  let turns = 0
  await eventually(() => (turns += 1) > 20)
}
