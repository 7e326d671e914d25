import assert from 'node:assert/strict'
import type { Transfer } from '@layermesh/exchange'
import { BlobNotFoundError, ContentUnavailableError, type PeerId } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededBytes } from '@layermesh/testkit'
import { eventually } from './support/eventually.ts'
import {
  createExchangePair,
  requestFor,
  STALL_TIMEOUT_MS,
  type ExchangePair,
} from './support/exchange-pair.ts'

const MiB = 1024 * 1024
const bytes = seededBytes('layer', 3 * MiB + 12_345)
const script = { bytes, pieceBytes: MiB }

function open(pair: ExchangePair, request = pair.give(script), signal?: AbortSignal): Promise<Transfer> {
  return pair.client.exchange.open(pair.server.network.self.peer, request, signal && { signal })
}

/** All pieces in order, the next asked for while one comes in. */
async function pull(transfer: Transfer): Promise<Buffer> {
  const count = transfer.sizeBytes === 0 ? 0 : Math.ceil(transfer.sizeBytes / transfer.pieceBytes)
  const pieces: Uint8Array[] = []
  let next = count > 0 ? transfer.piece(0) : undefined
  for (let index = 0; next !== undefined; index += 1) {
    const piece = next
    next = index + 1 < count ? transfer.piece(index + 1) : undefined
    pieces.push(await piece)
  }
  return Buffer.concat(pieces)
}

/** Waits until the server has let go of everything. */
async function settled(pair: ExchangePair): Promise<void> {
  await eventually(() => pair.server.provider.open === 0)
  await pair.server.exchange.stop()
}

describe('Exchange', () => {
  describe('open', () => {
    it('resolves with what the peer says of the content, and moves its bytes', async () => {
      const pair = await createExchangePair()
      const transfer = await open(pair)
      assert.deepEqual(
        [transfer.sizeBytes, transfer.pieceBytes, transfer.complete],
        [bytes.length, MiB, true],
      )
      assert.ok(bytes.equals(await pull(transfer)))
      await transfer[Symbol.asyncDispose]()
      await transfer[Symbol.asyncDispose]()
      await settled(pair)
      assert.equal(await pair.transfers('completed'), 1)
      assert.equal(pair.server.exchange.sentBytes('region'), bytes.length)
      assert.equal(pair.server.exchange.sentBytes('site'), 0)
      assert.equal(pair.clock.pendingTimers, 0)
    })

    it('tells the provider what is asked for, by whom and as which lead', async () => {
      const pair = await createExchangePair()
      const asked = {
        leadScope: 'region',
        heldPieces: 3,
        pausedMs: 250,
        refusedBy: [pair.client.network.self.peer],
      } as const
      const request = { ...pair.give(script), ...asked }
      await using transfer = await open(pair, request)
      const [seen] = pair.server.provider.requests
      assert.deepEqual(seen?.ref, request.ref)
      const { leadScope, heldPieces, pausedMs, refusedBy } = seen
      assert.deepEqual({ leadScope, heldPieces, pausedMs, refusedBy }, asked)
      assert.equal(seen.from.peer, pair.client.network.self.peer)
      assert.equal(seen.from.link, 'region')
      assert.equal(transfer.sizeBytes, bytes.length)
    })

    it('moves the part that a peer has of what it is getting, and no more', async () => {
      const pair = await createExchangePair()
      const request = { ...pair.give({ ...script, complete: false, availablePieces: 2 }), partial: true }
      await using transfer = await open(pair, request)
      assert.equal(pair.server.provider.requests[0]?.partial, true)
      assert.equal(transfer.sizeBytes, bytes.length)
      assert.equal(transfer.availablePieces, 2)
      assert.ok(bytes.subarray(MiB, 2 * MiB).equals(await transfer.piece(1)))
      await assert.rejects(transfer.piece(2), { code: 'ERR_PEER_MISSING' })
    })

    it('moves an empty blob, which has no pieces', async () => {
      const pair = await createExchangePair()
      await using transfer = await open(pair, pair.give({ bytes: Buffer.alloc(0), pieceBytes: MiB }))
      assert.equal(transfer.sizeBytes, 0)
      await assert.rejects(transfer.piece(0), { code: 'ERR_RANGE_UNSATISFIABLE' })
    })

    it('moves a blob that is a single short piece', async () => {
      const pair = await createExchangePair()
      const small = seededBytes('config', 1)
      await using transfer = await open(pair, pair.give({ bytes: small, pieceBytes: 1, complete: false }))
      assert.equal(transfer.complete, false)
      assert.ok(small.equals(await transfer.piece(0)))
    })

    it('rejects with ERR_PEER_MISSING when the peer has it not', async () => {
      const pair = await createExchangePair()
      await assert.rejects(open(pair, requestFor(bytes)), { code: 'ERR_PEER_MISSING', retryable: true })
      await settled(pair)
      assert.equal(await pair.transfers('refused'), 1)
    })

    it('rejects with ERR_PEER_MISSING when the peer finds out only then that it has it not', async () => {
      const pair = await createExchangePair()
      const request = pair.give({
        ...script,
        beforeHead: () => Promise.reject(new BlobNotFoundError(digestOf(bytes))),
      })
      await assert.rejects(open(pair, request), { code: 'ERR_PEER_MISSING', message: 'the peer has it not' })
    })

    it('rejects with ERR_PEER_MISSING and the reason when the peer can not get it', async () => {
      const pair = await createExchangePair()
      const beforeHead = () => Promise.reject(new ContentUnavailableError('upstream is down'))
      await assert.rejects(open(pair, pair.give({ ...script, beforeHead })), {
        code: 'ERR_PEER_MISSING',
        message: /upstream is down/,
      })
      await settled(pair)
      assert.equal(await pair.transfers('refused'), 1)
    })

    it('tells nothing of errors that were not meant for others', async () => {
      const pair = await createExchangePair()
      const beforeHead = () => Promise.reject(new Error('/etc/secret is unreadable'))
      await assert.rejects(open(pair, pair.give({ ...script, beforeHead })), (error: Error) => {
        assert.doesNotMatch(error.message, /secret/)
        return true
      })
    })

    it('refuses to lie about content that is cut in a way that no peer accepts', async () => {
      const pair = await createExchangePair()
      const request = pair.give({ bytes, pieceBytes: 1000 })
      await assert.rejects(open(pair, request), { code: 'ERR_PEER_MISSING', blamesPeer: false })
    })

    it('rejects with ERR_PEER_BUSY at once when all transfers are taken, and not once one is free', async () => {
      const pair = await createExchangePair({ maxTransfers: 2 })
      const request = pair.give(script)
      await using first = await open(pair, request)
      await using second = await open(pair, request)
      await assert.rejects(open(pair, request), { code: 'ERR_PEER_BUSY', retryable: true, blamesPeer: false })
      assert.equal(await pair.transfers('refused'), 1)
      assert.ok(bytes.equals(await pull(second)))
      await first[Symbol.asyncDispose]()
      await eventually(() => pair.server.provider.open === 1)
      await using third = await open(pair, request)
      assert.equal(third.sizeBytes, bytes.length)
    })

    it('rejects with ERR_PEER_UNREACHABLE when the peer is no member', async () => {
      const pair = await createExchangePair()
      await assert.rejects(pair.client.exchange.open('peer-nobody' as PeerId, requestFor(bytes)), {
        code: 'ERR_PEER_UNREACHABLE',
      })
    })

    it('waits for a lead that is still finding out, for as long as it says so', async () => {
      const pair = await createExchangePair()
      const found = Promise.withResolvers<undefined>()
      const opening = open(pair, pair.give({ ...script, beforeHead: () => found.promise }))
      await eventually(() => pair.server.provider.requests.length === 1)
      await passTime(pair, 10 * STALL_TIMEOUT_MS)
      found.resolve(undefined)
      await using transfer = await opening
      assert.ok(bytes.equals(await pull(transfer)))
    })

    it('rejects with the reason of its signal, and ends what the provider does for it', async () => {
      const pair = await createExchangePair()
      const controller = new AbortController()
      const request = pair.give({ ...script, beforeHead: untilAborted })
      const opening = open(pair, request, controller.signal)
      await eventually(() => pair.server.provider.signals.length === 1)
      const reason = new Error('nobody wants it any more')
      controller.abort(reason)
      await assert.rejects(opening, reason)
      await eventually(() => pair.server.provider.signals.every(({ aborted }) => aborted))
      await settled(pair)
      assert.equal(await pair.transfers('aborted'), 1)
      assert.equal(pair.clock.pendingTimers, 0)
    })

    it('asks nobody when its signal is aborted before', async () => {
      const pair = await createExchangePair()
      const reason = new Error('too late')
      await assert.rejects(open(pair, pair.give(script), AbortSignal.abort(reason)), reason)
      assert.equal(pair.server.provider.requests.length, 0)
    })
  })

  describe('piece', () => {
    it('yields pieces in any order, each as often as it is asked for', async () => {
      const pair = await createExchangePair()
      await using transfer = await open(pair)
      for (const index of [3, 0, 2, 2, 1]) {
        const expected = bytes.subarray(index * MiB, (index + 1) * MiB)
        assert.ok(expected.equals(await transfer.piece(index)))
      }
    })

    it('answers in the order of the asking, with two outstanding at the peer and the rest waiting', async () => {
      const pair = await createExchangePair()
      const gate = Promise.withResolvers<undefined>()
      const request = pair.give({ ...script, beforePiece: () => gate.promise })
      await using transfer = await open(pair, request)
      const order: number[] = []
      const asked = [2, 0, 3, 1].map(async (index) => {
        const piece = await transfer.piece(index)
        order.push(index)
        return bytes.subarray(index * MiB, (index + 1) * MiB).equals(piece)
      })
      await eventually(() => pair.server.provider.askedPieces.length === 1)
      gate.resolve(undefined)
      assert.deepEqual(await Promise.all(asked), [true, true, true, true])
      assert.deepEqual(order, [2, 0, 3, 1])
      assert.deepEqual(pair.server.provider.askedPieces, [2, 0, 3, 1])
    })

    it('rejects with ERR_RANGE_UNSATISFIABLE for a piece that is not there, and goes on', async () => {
      const pair = await createExchangePair()
      await using transfer = await open(pair)
      for (const index of [-1, 4, 0.5]) {
        await assert.rejects(transfer.piece(index), { code: 'ERR_RANGE_UNSATISFIABLE' })
      }
      assert.ok(bytes.equals(await pull(transfer)))
    })

    it('rejects with ERR_PEER_PROTOCOL when the bytes are wrong', async () => {
      const pair = await createExchangePair()
      const falsify = (chunk: Uint8Array) => chunk.with(0, chunk[0]! ^ 1)
      await using transfer = await open(pair, pair.give({ ...script, falsify }))
      await assert.rejects(transfer.piece(0), { code: 'ERR_PEER_PROTOCOL', blamesPeer: true })
      await assert.rejects(transfer.piece(1), { code: 'ERR_PEER_PROTOCOL' })
      await settled(pair)
    })

    for (const [what, outcome, falsify] of [
      ['fewer', 'failed', (chunk: Uint8Array) => chunk.subarray(1)],
      ['more', 'refused', (chunk: Uint8Array) => Buffer.concat([chunk, chunk])],
    ] as const) {
      it(`rejects with ERR_PEER_MISSING when the provider has ${what} bytes than it said`, async () => {
        const pair = await createExchangePair()
        await using transfer = await open(pair, pair.give({ ...script, falsify }))
        await assert.rejects(transfer.piece(3), { code: 'ERR_PEER_MISSING' })
        await settled(pair)
        assert.equal(await pair.transfers(outcome), 1)
      })
    }

    it('rejects with ERR_PEER_MISSING when the peer can not go on in the middle of a piece', async () => {
      const pair = await createExchangePair()
      const beforeChunk = (offset: number) =>
        offset > 0 ? Promise.reject(new ContentUnavailableError('upstream broke off')) : Promise.resolve()
      await using transfer = await open(pair, pair.give({ ...script, beforeChunk }))
      const pieces = [transfer.piece(0), transfer.piece(1)]
      for (const piece of pieces) {
        await assert.rejects(piece, { code: 'ERR_PEER_MISSING', message: /upstream broke off/ })
      }
      await settled(pair)
      assert.equal(await pair.transfers('failed'), 1)
    })

    it('waits for a peer that is slow, between pieces and within one, for as long as it says so', async () => {
      const pair = await createExchangePair()
      const gates = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
      const waits: string[] = []
      const request = pair.give({
        ...script,
        beforePiece: (index) => (
          waits.push(`piece ${index}`),
          index === 1 ? gates[0]!.promise : Promise.resolve()
        ),
        beforeChunk: (offset) => (
          waits.push(`chunk ${offset}`),
          offset === MiB / 2 ? gates[1]!.promise : Promise.resolve()
        ),
      })
      await using transfer = await open(pair, request)
      const piece = transfer.piece(1)
      await eventually(() => waits.at(-1) === 'piece 1')
      await passTime(pair, 5 * STALL_TIMEOUT_MS)
      gates[0]!.resolve(undefined)
      await eventually(() => waits.at(-1) === `chunk ${MiB / 2}`)
      await passTime(pair, 5 * STALL_TIMEOUT_MS)
      gates[1]!.resolve(undefined)
      assert.ok(bytes.subarray(MiB, 2 * MiB).equals(await piece))
    })

    it('has no time-out while nothing is asked for', async () => {
      const pair = await createExchangePair()
      await using transfer = await open(pair)
      await transfer.piece(0)
      await passTime(pair, 5 * STALL_TIMEOUT_MS)
      assert.ok(bytes.equals(await pull(transfer)))
    })

    it('rejects with ERR_PEER_STREAM when the peer is gone in the middle of a piece', async () => {
      const pair = await createExchangePair()
      const beforeChunk = (offset: number, signal: AbortSignal) =>
        offset > 0 ? untilAborted(signal) : Promise.resolve()
      await using transfer = await open(pair, pair.give({ ...script, beforeChunk }))
      const piece = transfer.piece(0)
      await eventually(() => pair.server.exchange.sentBytes('region') > 0)
      pair.server.network.leave()
      await assert.rejects(piece, { code: 'ERR_PEER_STREAM', retryable: true })
      await settled(pair)
      assert.equal(await pair.transfers('aborted'), 1)
    })

    it('rejects with the reason of its signal, and ends the transfer', async () => {
      const pair = await createExchangePair()
      const controller = new AbortController()
      await using transfer = await open(
        pair,
        pair.give({ ...script, beforePiece: (_, signal) => untilAborted(signal) }),
      )
      const reason = new Error('cancelled')
      const pieces = [transfer.piece(0), transfer.piece(1, { signal: controller.signal }), transfer.piece(2)]
      await eventually(() => pair.server.provider.askedPieces.length === 1)
      controller.abort(reason)
      for (const piece of pieces) await assert.rejects(piece, reason)
      await assert.rejects(transfer.piece(3), reason)
      await settled(pair)
      assert.equal(await pair.transfers('aborted'), 1)
    })

    it('asks for nothing when its signal is aborted before', async () => {
      const pair = await createExchangePair()
      await using transfer = await open(pair)
      const reason = new Error('too late')
      await assert.rejects(transfer.piece(0, { signal: AbortSignal.abort(reason) }), reason)
      assert.deepEqual(pair.server.provider.askedPieces, [])
    })
  })

  describe('dispose', () => {
    it('ends what the provider does for pieces that are outstanding', async () => {
      const pair = await createExchangePair()
      const transfer = await open(
        pair,
        pair.give({ ...script, beforePiece: (_, signal) => untilAborted(signal) }),
      )
      const piece = transfer.piece(0)
      const rejected = assert.rejects(piece, { code: 'ERR_PEER_STREAM' })
      await eventually(() => pair.server.provider.askedPieces.length === 1)
      await transfer[Symbol.asyncDispose]()
      await rejected
      await assert.rejects(transfer.piece(1), { code: 'ERR_PEER_STREAM' })
      await settled(pair)
      assert.equal(await pair.transfers('aborted'), 1)
      assert.equal(pair.clock.pendingTimers, 0)
    })
  })

  describe('serving', () => {
    it('serves many transfers at a time', async () => {
      const pair = await createExchangePair()
      const request = pair.give(script)
      const pulled = await Promise.all(
        Array.from({ length: 8 }, async () => {
          await using transfer = await open(pair, request)
          return bytes.equals(await pull(transfer))
        }),
      )
      assert.ok(pulled.every(Boolean))
      await settled(pair)
      assert.equal(await pair.transfers('completed'), 8)
    })

    it('ends when it is stopped, after which nothing is served', async () => {
      const pair = await createExchangePair()
      const request = pair.give({ ...script, beforePiece: (_, signal) => untilAborted(signal) })
      await using transfer = await open(pair, request)
      const rejected = assert.rejects(transfer.piece(0), { code: 'ERR_PEER_STREAM' })
      await eventually(() => pair.server.provider.askedPieces.length === 1)
      await pair.server.exchange.stop()
      await pair.server.exchange.stop()
      await rejected
      assert.equal(pair.server.provider.open, 0)
      await assert.rejects(open(pair, request), { code: 'ERR_PEER_STREAM' })
      await assert.rejects(
        pair.client.exchange.askTag(pair.server.network.self.peer, {
          ref: { upstream: 'docker.io', repository: 'library/nginx', tag: 'latest' },
        }),
        { code: 'ERR_PEER_STREAM' },
      )
    })
  })
})

/** Moves the clock on in steps that are shorter than any time-out, and lets frames arrive after each. */
async function passTime(pair: ExchangePair, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 100) {
    pair.clock.advance(100)
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
}
