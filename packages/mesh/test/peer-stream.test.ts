import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { PeerProtocolError, PeerStreamError, type PeerId } from '@layermesh/interface'
import { seededRandom } from '@layermesh/testkit'
import type { Stream } from '@libp2p/interface'
import { Libp2pPeerStream, STREAM_WINDOW_BYTES } from '../src/peer-stream.ts'
import { PlainPair } from './support/stream-pair.ts'

const MiB = 1024 * 1024

describe('Libp2pPeerStream', () => {
  const maxFrameBytes = MiB
  let pair: PlainPair

  before(async () => (pair = await PlainPair.create()))
  after(() => pair[Symbol.asyncDispose]())

  const wrap = (stream: Stream, onBytes?: () => void) =>
    new Libp2pPeerStream(stream, { peer: 'the peer' as PeerId, maxFrameBytes, ...(onBytes && { onBytes }) })

  const open = async () => {
    const [near, far] = await pair.open()
    return [wrap(near), wrap(far)] as const
  }

  /** Lets both ends and the sockets between them get on with whatever they can do. */
  const letThingsHappen = async () => {
    const [near, far] = await open()
    for (let turn = 0; turn < 100; turn += 1) {
      await near.send(Uint8Array.of(turn))
      await far.receive()
      await setImmediate()
    }
    near.abort(new Error('over'))
  }

  const receiveAll = async (stream: Libp2pPeerStream): Promise<Uint8Array[]> => {
    const frames: Uint8Array[] = []
    for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive())
      frames.push(frame)
    return frames
  }

  const digestOf = (frames: readonly Uint8Array[]): string => {
    const hash = createHash('sha256')
    for (const frame of frames) hash.update(`${frame.length} `).update(frame)
    return hash.digest('hex')
  }

  const framesOf = (count: number, seed: number): Uint8Array[] => {
    const random = seededRandom(seed)
    return Array.from({ length: count }, () => {
      const sizeBytes = Math.floor(random() ** 4 * maxFrameBytes)
      return new Uint8Array(sizeBytes).fill(Math.floor(random() * 256))
    })
  }

  it('carries frames of 0, 1 and the most bytes as they are', async () => {
    const [near, far] = await open()
    for (const sizeBytes of [0, 1, 4095, 4096, 4097, maxFrameBytes]) {
      const frame = new Uint8Array(sizeBytes).fill(sizeBytes)
      const sent = near.send(frame)
      assert.deepEqual(await far.receive(), frame)
      await sent
    }
    near.abort(new Error('over'))
  })

  it('puts a frame on the wire as its length in 32 big-endian bits and its payload', async () => {
    const [near, far] = await pair.open()
    await wrap(near).send(Uint8Array.of(7, 8, 9))
    const [event] = (await once(far, 'message')) as [{ data: { subarray(): Uint8Array } }]
    assert.deepEqual([...event.data.subarray()], [0, 0, 0, 3, 7, 8, 9])
    far.abort(new Error('over'))
  })

  it('loses nothing when the peer closes while much is unread, and ends after the last frame', async () => {
    const frames = framesOf(60, 1)
    for (let round = 0; round < 5; round += 1) {
      const [near, far] = await open()
      const sending = (async () => {
        for (const frame of frames) await near.send(frame)
        await near.close()
      })()
      await letThingsHappen()
      assert.equal(digestOf(await receiveAll(far)), digestOf(frames))
      await sending
      await far.close()
    }
  })

  it('keeps 50 streams apart that are used at once, with readers of all speeds', async () => {
    const exchange = async (index: number) => {
      const [near, far] = await open()
      const frames = framesOf(20, index)
      const sending = (async () => {
        for (const frame of frames) await near.send(frame)
        await near.close()
      })()
      const echoing = (async () => {
        for (let frame = await far.receive(); frame !== undefined; frame = await far.receive()) {
          for (let turn = 0; turn < index % 7; turn += 1) await setImmediate()
          await far.send(frame)
        }
        await far.close()
      })()
      assert.equal(digestOf(await receiveAll(near)), digestOf(frames))
      await Promise.all([sending, echoing])
    }
    await Promise.all(Array.from({ length: 50 }, (_, index) => exchange(index)))
  })

  describe('back-pressure', () => {
    it('keeps a sender waiting once the window of a peer that reads nothing is full', async () => {
      const [near, far] = await open()
      const frame = new Uint8Array(MiB)
      let sentBytes = 0
      const sending = (async () => {
        for (; sentBytes < 64 * MiB; sentBytes += frame.length) await near.send(frame)
        await near.close()
      })()
      await letThingsHappen()
      await letThingsHappen()
      assert.ok(sentBytes >= STREAM_WINDOW_BYTES / 4, 'the window is used')
      assert.ok(sentBytes <= STREAM_WINDOW_BYTES + 4 * MiB, `${sentBytes} bytes were accepted`)
      assert.equal((await receiveAll(far)).length, 64)
      await sending
    })

    it('waits each time, not only the first', async () => {
      const [near, far] = await pair.open()
      const sender = wrap(near)
      far.maxReadBufferLength = 2 * STREAM_WINDOW_BYTES
      far.pause()
      let waiting = 0
      for (let round = 0; round < 3; round += 1) {
        const sends = Array.from({ length: 40 }, () => sender.send(new Uint8Array(MiB)))
        await letThingsHappen()
        if (near.writableNeedsDrain) waiting += 1
        assert.ok(near.writeBufferLength <= 2 * MiB, 'one frame at most is queued')
        far.addEventListener('message', () => {})
        far.resume()
        await Promise.all(sends)
        far.pause()
      }
      assert.equal(waiting, 3)
      near.abort(new Error('over'))
    })

    it('canary: onDrain of libp2p itself waits only the first time', async () => {
      const [near, far] = await pair.open()
      far.maxReadBufferLength = 2 * STREAM_WINDOW_BYTES
      far.addEventListener('message', () => {})
      const fill = () => {
        far.pause()
        while (near.send(new Uint8Array(MiB)));
      }
      fill()
      const first = near.onDrain()
      far.resume()
      await first
      while (near.writableNeedsDrain) await once(near, 'drain')
      fill()
      const waits = await Promise.race([near.onDrain().then(() => false), letThingsHappen().then(() => true)])
      assert.equal(waits, false, 'onDrain waits again: Libp2pPeerStream can use it')
      near.abort(new Error('over'))
    })
  })

  describe('send', () => {
    it('rejects with ERR_PEER_STREAM and resets the stream when the frame is too long', async () => {
      const [near, far] = await open()
      await assert.rejects(near.send(new Uint8Array(maxFrameBytes + 1)), PeerStreamError)
      await assert.rejects(far.receive(), PeerStreamError)
    })

    it('rejects with ERR_PEER_STREAM after close', async () => {
      const [near, far] = await open()
      await near.close()
      await assert.rejects(near.send(Uint8Array.of(1)), PeerStreamError)
      far.abort(new Error('over'))
    })

    it('rejects with ERR_PEER_STREAM when the stream is aborted while it waits', async () => {
      const [near, far] = await open()
      const sends = Array.from({ length: 40 }, () => near.send(new Uint8Array(MiB)))
      const outcomes = Promise.allSettled(sends)
      await letThingsHappen()
      far.abort(new Error('enough'))
      const reasons = (await outcomes).flatMap((each) =>
        each.status === 'rejected' ? [each.reason as unknown] : [],
      )
      assert.ok(reasons.length > 0)
      for (const reason of reasons) assert.ok(reason instanceof PeerStreamError)
    })

    it('rejects with the reason of its signal while it waits, and the frames stay whole', async () => {
      const [near, far] = await open()
      const controller = new AbortController()
      const sends = Array.from({ length: 40 }, (_, index) =>
        near.send(new Uint8Array(MiB).fill(index), { signal: controller.signal }),
      )
      const outcomes = Promise.allSettled(sends)
      await letThingsHappen()
      const reason = new Error('not wanted any more')
      controller.abort(reason)
      for (const outcome of await outcomes) {
        if (outcome.status === 'rejected') assert.equal(outcome.reason, reason)
      }
      const received = receiveAll(far)
      await near.send(Uint8Array.of(99))
      await near.close()
      const frames = await received
      assert.deepEqual(frames.pop(), Uint8Array.of(99))
      for (const frame of frames) assert.ok(frame.length === MiB && frame.every((byte) => byte === frame[0]))
    })
  })

  describe('receive', () => {
    it('rejects with ERR_PEER_PROTOCOL on a frame that is too long, and resets the stream', async () => {
      const [near, far] = await pair.open()
      far.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1))
      const receiver = wrap(near)
      await assert.rejects(receiver.receive(), PeerProtocolError)
      await assert.rejects(receiver.receive(), PeerProtocolError)
      await assert.rejects(wrap(far).receive(), PeerStreamError)
    })

    it('rejects with ERR_PEER_STREAM when the peer ends in the middle of a frame or of its length', async () => {
      for (const bytes of [Uint8Array.of(0, 0), Uint8Array.of(0, 0, 0, 3, 1, 2)]) {
        const [near, far] = await pair.open()
        far.send(bytes)
        await far.close()
        await assert.rejects(wrap(near).receive(), PeerStreamError)
      }
    })

    it('rejects with ERR_PEER_STREAM when the stream was reset before anybody listened', async () => {
      const [near, far] = await pair.open()
      far.abort(new Error('enough'))
      while (near.status === 'open') await setImmediate()
      const stream = wrap(near)
      await assert.rejects(stream.receive(), PeerStreamError)
      await assert.rejects(stream.send(Uint8Array.of(1)), PeerStreamError)
      await stream.close()
    })

    it('has what arrived, and the end, before anybody listened', async () => {
      const [near, far] = await pair.open()
      await wrap(far).send(Uint8Array.of(5))
      await far.close()
      while (near.remoteWriteStatus === 'writable') await setImmediate()
      const stream = wrap(near)
      assert.deepEqual(await stream.receive(), Uint8Array.of(5))
      assert.equal(await stream.receive(), undefined)
      assert.equal(await stream.receive(), undefined)
    })

    it('rejects with ERR_PEER_STREAM when the connection is lost', async () => {
      await using lost = await PlainPair.create()
      const [near] = await lost.open()
      const received = wrap(near).receive()
      lost.connection.abort(new Error('the cable was pulled'))
      await assert.rejects(received, PeerStreamError)
    })
  })

  it('rejects with ERR_PEER_STREAM and the reason as its cause once it was aborted here', async () => {
    const [near, far] = await open()
    const waiting = near.receive()
    const reason = new Error('enough')
    near.abort(reason)
    near.abort(new Error('enough again'))
    await assert.rejects(waiting, (error) => error instanceof PeerStreamError && error.cause === reason)
    await near.close()
    await assert.rejects(far.receive(), PeerStreamError)
  })

  describe('discard', () => {
    it('drops what arrives, so that the peer is not left waiting', async () => {
      const [near, far] = await open()
      await near.send(Uint8Array.of(1))
      far.discard()
      for (let count = 0; count < 64; count += 1) await near.send(new Uint8Array(MiB))
      near.abort(new Error('over'))
    })
  })

  describe('untilFirstBytes', () => {
    it('waits for bytes, for the end, or for a reset', async () => {
      const speak = async (act: (near: Libp2pPeerStream) => unknown) => {
        const [near, far] = await open()
        const first = far.untilFirstBytes()
        await Promise.all([act(near), first])
        near.abort(new Error('over'))
      }
      await speak((near) => near.send(Uint8Array.of(1)))
      await speak((near) => near.close())
      await speak((near) => near.abort(new Error('enough')))
    })
  })

  it('tells when bytes arrive', async () => {
    const [near, far] = await pair.open()
    const arrived = Promise.withResolvers<undefined>()
    wrap(far, () => arrived.resolve(undefined))
    await wrap(near).send(Uint8Array.of(1))
    await arrived.promise
    near.abort(new Error('over'))
  })
})
