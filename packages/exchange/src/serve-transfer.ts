import { ProgressDeadline } from '@layermesh/async'
import {
  PeerBusyError,
  PeerStalledError,
  PeerStreamError,
  type Clock,
  type Frame,
  type LinkClass,
  type Member,
  type PeerStream,
} from '@layermesh/interface'
import { pipe } from 'it-pipe'
import { decodeBlobFrame, payloadBytes, type BlobFrame } from './blob-frames.ts'
import type { ContentProvider, IncomingRequest } from './content-provider.ts'
import { outOfTurn } from './conversation.ts'
import { refusalOf, transferReplies } from './transfer-replies.ts'
import { WantQueue } from './want-queue.ts'

/** Collaborators and tunables of the serving side. */
export interface ServingDeps {
  readonly provider: ContentProvider
  readonly clock: Clock
  /** How often a peer that waits for us hears that we are still at it, in milliseconds. */
  readonly waitIntervalMs: number
  /** After how long without asking or taking anything a peer is taken for gone, in milliseconds. */
  readonly idleTimeoutMs: number
  /** Aborted when this node stops. */
  readonly stopping: AbortSignal
  /** Called for bytes of content that were sent. */
  readonly onSent: (bytes: number, link: LinkClass) => void
}

/**
 * How a transfer that was served came to its end.
 * - `completed`: the peer ended it when everything that it had asked for was sent.
 * - `aborted`: the peer went away, or this node stopped.
 * - `failed`: the content couldn't be sent on to its end, or the peer broke the protocol or fell asleep.
 * - `refused`: nothing was sent, because we have it not, can't get it, or are full.
 */
export const TRANSFER_OUTCOMES = ['completed', 'aborted', 'failed', 'refused'] as const

/** One of {@link TRANSFER_OUTCOMES}. */
type TransferOutcome = (typeof TRANSFER_OUTCOMES)[number]

/** What is known of a transfer after its end. */
export interface ServedTransfer {
  readonly outcome: TransferOutcome
  /** Bytes of content that were sent. */
  readonly sentBytes: number
  /** Undefined when the peer sent none that could be read. */
  readonly request: IncomingRequest | undefined
  /** Undefined when the transfer was completed. */
  readonly error: unknown
}

/** The server of the blob protocol, for one stream. Doesn't throw: a stream that went wrong is reset. */
export function serveTransfer(deps: ServingDeps, stream: PeerStream, from: Member): Promise<ServedTransfer> {
  return new TransferServer(deps, stream, from).run()
}

/** Refuses a transfer without even reading what is asked for. */
export async function refuseAsBusy(deps: ServingDeps, stream: PeerStream): Promise<ServedTransfer> {
  const error = new PeerBusyError('all transfers that this node serves at a time are taken')
  try {
    await stream.send(refusalOf(error), { signal: deps.stopping })
  } catch (reason) {
    stream.abort(reason as Error)
  }
  return { outcome: 'refused', sentBytes: 0, request: undefined, error }
}

class TransferServer {
  readonly #deps: ServingDeps
  readonly #stream: PeerStream
  readonly #from: Member
  readonly #wants = new WantQueue()
  readonly #ended = new AbortController()
  readonly #idle: ProgressDeadline
  #request: IncomingRequest | undefined
  #sentBytes = 0

  constructor(deps: ServingDeps, stream: PeerStream, from: Member) {
    const { clock, idleTimeoutMs, stopping } = deps
    this.#deps = deps
    this.#stream = stream
    this.#from = from
    const makeError = () => new PeerStalledError(`${from.peer} asked for nothing for ${idleTimeoutMs} ms`)
    this.#idle = new ProgressDeadline(clock, idleTimeoutMs, makeError)
    for (const signal of [this.#idle.signal, stopping]) {
      const onAbort = () => this.#reset(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true, signal: this.#ended.signal })
      if (signal.aborted) onAbort()
    }
  }

  async run(): Promise<ServedTransfer> {
    let reading: Promise<void> | undefined
    try {
      const request = await this.#receiveOpen()
      reading = this.#readWants()
      const replies = transferReplies(
        { ...this.#deps, wants: this.#wants, signal: this.#ended.signal },
        request,
      )
      await pipe(replies, (frames) => this.#send(frames))
      return this.#result('completed')
    } catch (error) {
      return await this.#sayWhy(error)
    } finally {
      this.#ended.abort(new PeerStreamError('the transfer is over'))
      this.#idle[Symbol.dispose]()
      await reading
    }
  }

  /** Refuses the rest when the trouble is ours; when it was the peer's, the stream has been reset already. */
  async #sayWhy(error: unknown): Promise<ServedTransfer> {
    const { signal } = this.#ended
    if (!signal.aborted) {
      try {
        await this.#send([refusalOf(error)])
        return this.#result(this.#sentBytes > 0 ? 'failed' : 'refused', error)
      } catch {
        // The peer has gone meanwhile.
      }
    }
    return this.#result(signal.reason instanceof PeerStreamError ? 'aborted' : 'failed', signal.reason)
  }

  #result(outcome: TransferOutcome, error?: unknown): ServedTransfer {
    return { outcome, sentBytes: this.#sentBytes, request: this.#request, error }
  }

  /** Ends all work for the peer, and the stream with it, without waiting for anybody. */
  #reset(reason: unknown): void {
    if (this.#ended.signal.aborted) return
    this.#ended.abort(reason)
    this.#stream.abort(reason as Error)
  }

  async #receiveOpen(): Promise<IncomingRequest> {
    try {
      const frame = await this.#receive()
      if (frame === undefined) throw new PeerStreamError(`${this.#from.peer} asked for nothing`)
      if (frame.type !== 'open') throw outOfTurn(frame)
      const { kind, upstream, repository, digest, access, confirmed: isConfirmed } = frame
      const { leadScope, heldPieces, pausedMs, refusedBy, partial } = frame
      const ref = { kind, upstream, repository, digest, ...(access !== undefined && { access }) }
      const facts = { isConfirmed, leadScope, heldPieces, pausedMs, refusedBy, partial }
      this.#request = { ref, from: this.#from, ...facts }
      return this.#request
    } catch (error) {
      this.#reset(error)
      throw error
    }
  }

  /** Runs beside the replies, so that a peer that goes away ends them, whatever they are waiting for. */
  async #readWants(): Promise<void> {
    try {
      for (let frame = await this.#receive(); frame !== undefined; frame = await this.#receive()) {
        if (frame.type !== 'want') throw outOfTurn(frame)
        this.#wants.push(frame.index)
      }
      if (!this.#wants.idle) throw new PeerStreamError(`${this.#from.peer} went away`)
      this.#wants.end()
    } catch (error) {
      this.#reset(error)
    }
  }

  async #receive(): Promise<BlobFrame | undefined> {
    const frame = await this.#stream.receive({ signal: this.#ended.signal })
    this.#idle.progress()
    return frame === undefined ? undefined : decodeBlobFrame(frame)
  }

  async #send(frames: AsyncIterable<Frame> | Iterable<Frame>): Promise<void> {
    for await (const frame of frames) {
      await this.#sendFrame(frame)
      this.#idle.progress()
      const bytes = payloadBytes(frame)
      if (bytes === 0) continue
      this.#sentBytes += bytes
      this.#deps.onSent(bytes, this.#from.link)
    }
  }

  async #sendFrame(frame: Frame): Promise<void> {
    try {
      await this.#stream.send(frame, { signal: this.#ended.signal })
    } catch (error) {
      this.#reset(error)
      throw error
    }
  }
}
