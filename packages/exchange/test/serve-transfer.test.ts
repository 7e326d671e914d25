import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PeerStream } from '@layermesh/interface'
import { seededBytes } from '@layermesh/testkit'
import {
  BLOB_PROTOCOL,
  dataFrame,
  decodeBlobFrame,
  headFrame,
  openFrame,
  wantFrame,
  type BlobFrame,
} from '../src/blob-frames.ts'
import { DEFAULT_IDLE_TIMEOUT_MS } from '../src/create-exchange.ts'
import { WAIT_FRAME } from '../src/wait-frames.ts'
import { eventually } from './support/eventually.ts'
import { createExchangePair, requestFor, type ExchangePair } from './support/exchange-pair.ts'

const bytes = seededBytes('content', 20_000)
const script = { bytes, pieceBytes: 8192 }

/** A client that speaks for itself, frame by frame. */
async function dial(pair: ExchangePair): Promise<PeerStream> {
  return pair.client.network.openStream(pair.server.network.self.peer, BLOB_PROTOCOL)
}

async function receive(stream: PeerStream): Promise<BlobFrame | undefined> {
  const frame = await stream.receive()
  return frame && decodeBlobFrame(frame)
}

describe('serveTransfer', () => {
  it('says head, then each piece and its data, and nothing that was not asked for', async () => {
    const pair = await createExchangePair()
    const stream = await dial(pair)
    await stream.send(openFrame(pair.give(script)))
    assert.deepEqual(await receive(stream), {
      type: 'head',
      sizeBytes: 20_000,
      pieceBytes: 8192,
      complete: true,
    })
    await stream.send(wantFrame(2))
    const piece = await receive(stream)
    assert.ok(piece?.type === 'piece' && piece.index === 2 && piece.sizeBytes === 20_000 - 2 * 8192)
    const data = await receive(stream)
    assert.ok(data?.type === 'data' && bytes.subarray(2 * 8192).equals(data.bytes))
    await stream.close()
    assert.equal(await stream.receive(), undefined)
    await pair.server.exchange.stop()
    assert.equal(await pair.transfers('completed'), 1)
  })

  it('answers wants that come before the head', async () => {
    const pair = await createExchangePair()
    const stream = await dial(pair)
    await stream.send(openFrame(pair.give(script)))
    await stream.send(wantFrame(0))
    const types: (string | undefined)[] = []
    for (let count = 0; count < 3; count += 1) types.push((await receive(stream))?.type)
    assert.deepEqual(types, ['head', 'piece', 'data'])
    await stream.close()
  })

  it('says "wait" at each interval while it is waiting itself', async () => {
    const pair = await createExchangePair({ waitIntervalMs: 100 })
    const gate = Promise.withResolvers<undefined>()
    const stream = await dial(pair)
    await stream.send(openFrame(pair.give({ ...script, beforeHead: () => gate.promise })))
    await eventually(() => pair.server.provider.requests.length === 1)
    for (let count = 0; count < 3; count += 1) {
      pair.clock.advance(100)
      assert.deepEqual(await receive(stream), { type: 'wait' })
    }
    gate.resolve(undefined)
    assert.equal((await receive(stream))?.type, 'head')
    stream.abort(new Error('enough'))
  })

  it('refuses a piece that is not there', async () => {
    const pair = await createExchangePair()
    const stream = await dial(pair)
    await stream.send(openFrame(pair.give(script)))
    await stream.send(wantFrame(3))
    assert.equal((await receive(stream))?.type, 'head')
    const refusal = await receive(stream)
    assert.ok(refusal?.type === 'refuse' && refusal.reason === 'unavailable')
    assert.equal(await stream.receive(), undefined)
    await pair.server.exchange.stop()
    assert.equal(pair.server.provider.open, 0)
  })

  for (const [what, frames] of [
    ['a third want', [wantFrame(0), wantFrame(1), wantFrame(2)]],
    ['a second request', [openFrame(requestFor(bytes))]],
    ['a frame of a server', [headFrame({ sizeBytes: 1, pieceBytes: 1 }, true)]],
    ['data', [dataFrame(bytes)]],
    ['garbage', [Buffer.from('garbage')]],
  ] as const) {
    it(`resets the stream for ${what}, and lets go of the content`, async () => {
      const pair = await createExchangePair()
      const stream = await dial(pair)
      const gate = Promise.withResolvers<undefined>()
      await stream.send(openFrame(pair.give({ ...script, beforePiece: () => gate.promise })))
      assert.equal((await receive(stream))?.type, 'head')
      for (const frame of frames) await stream.send(frame)
      await assert.rejects(stream.receive(), { code: 'ERR_PEER_STREAM' })
      assert.ok(pair.server.provider.signals[0]?.aborted)
      gate.resolve(undefined)
      await pair.server.exchange.stop()
      assert.equal(pair.server.provider.open, 0)
      assert.equal(await pair.transfers('failed'), 1)
    })
  }

  for (const [what, frame] of [
    ['a want', wantFrame(0)],
    ['a wait', WAIT_FRAME],
    ['garbage', Buffer.from('garbage')],
  ] as const) {
    it(`resets the stream when it begins with ${what}`, async () => {
      const pair = await createExchangePair()
      const stream = await dial(pair)
      await stream.send(frame)
      await assert.rejects(stream.receive(), { code: 'ERR_PEER_STREAM' })
      await pair.server.exchange.stop()
      assert.equal(pair.server.provider.requests.length, 0)
      assert.equal(await pair.transfers('failed'), 1)
    })
  }

  it('counts a peer as gone that closes its side while a piece is outstanding', async () => {
    const pair = await createExchangePair()
    const stream = await dial(pair)
    const gate = Promise.withResolvers<undefined>()
    await stream.send(openFrame(pair.give({ ...script, beforePiece: () => gate.promise })))
    await stream.send(wantFrame(0))
    await eventually(() => pair.server.provider.askedPieces.length === 1)
    await stream.close()
    await eventually(() => pair.server.provider.signals[0]?.aborted === true)
    gate.resolve(undefined)
    await pair.server.exchange.stop()
    assert.equal(await pair.transfers('aborted'), 1)
    assert.equal(pair.server.provider.open, 0)
  })

  it('counts a peer as gone that closes its side without having asked for anything', async () => {
    const pair = await createExchangePair()
    const stream = await dial(pair)
    await stream.close()
    await assert.rejects(stream.receive(), { code: 'ERR_PEER_STREAM' })
    await pair.server.exchange.stop()
    assert.equal(await pair.transfers('aborted'), 1)
  })

  it('gives up a peer that asks for nothing for the idle time-out, and frees its place', async () => {
    const pair = await createExchangePair({ maxTransfers: 1 })
    const stream = await dial(pair)
    await stream.send(openFrame(pair.give(script)))
    assert.equal((await receive(stream))?.type, 'head')
    await eventually(() => pair.clock.pendingTimers === 1)
    pair.clock.advance(DEFAULT_IDLE_TIMEOUT_MS)
    await assert.rejects(stream.receive(), { code: 'ERR_PEER_STREAM' })
    await eventually(() => pair.server.provider.open === 0)
    await using transfer = await pair.client.exchange.open(pair.server.network.self.peer, requestFor(bytes))
    assert.equal(transfer.sizeBytes, bytes.length)
    assert.equal(await pair.transfers('failed'), 1)
  })

  it('gives up a peer that takes nothing for the idle time-out', async () => {
    const pair = await createExchangePair()
    const stream = await dial(pair)
    const large = seededBytes('large', 8 * 1024 * 1024)
    await stream.send(openFrame(pair.give({ bytes: large, pieceBytes: large.length })))
    await stream.send(wantFrame(0))
    assert.equal((await receive(stream))?.type, 'head')
    assert.equal((await receive(stream))?.type, 'piece')
    await eventually(() => pair.server.exchange.sentBytes('region') > 0)
    pair.clock.advance(DEFAULT_IDLE_TIMEOUT_MS)
    await eventually(() => pair.server.provider.open === 0)
    await assert.rejects(stream.receive(), { code: 'ERR_PEER_STREAM' })
  })

  it('survives whatever a peer sends', async () => {
    const pair = await createExchangePair()
    const open = openFrame(pair.give(script))
    const frames = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom(open, wantFrame(0), wantFrame(9), WAIT_FRAME),
      ),
      { maxLength: 6 },
    )
    await fc.assert(
      fc.asyncProperty(frames, async (sent) => {
        const stream = await dial(pair)
        await Promise.allSettled(sent.map((frame) => stream.send(frame)))
        stream.abort(new Error('enough'))
      }),
      { numRuns: 300 },
    )
    await eventually(() => pair.server.provider.open === 0)
    await using transfer = await pair.client.exchange.open(pair.server.network.self.peer, requestFor(bytes))
    assert.ok(bytes.subarray(0, 8192).equals(await transfer.piece(0)))
  })
})
