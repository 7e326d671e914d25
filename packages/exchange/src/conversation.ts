import { ProgressDeadline } from '@layermesh/async'
import {
  PeerProtocolError,
  PeerStalledError,
  PeerStreamError,
  PeerUnreachableError,
  type Clock,
  type Frame,
  type LinkClass,
  type PeerId,
  type PeerNetwork,
  type PeerStream,
} from '@layermesh/interface'

import { stallTimeoutMs } from './stall-timeout.ts'

/**
 * For how long a peer may answer nothing but `wait`. It is alive, but whatever it waits for may never come: then
 * another source is better. Longer than an upstream's time-outs on the peer's side, tried twice.
 */
export const MAX_WAIT_MS = 120_000

/** Collaborators and tunables of the asking side. */
export interface AskingDeps {
  readonly network: PeerNetwork
  readonly clock: Clock
  /** For how long a peer may show no life that answers quickly, by the link to it. */
  readonly stallTimeoutMs: Readonly<Record<LinkClass, number>>
}

/** A frame that was decoded. */
interface AnyFrame {
  readonly type: string
}

/** Opens a stream for `protocol`; a peer that doesn't answer in the link's stall time-out is stalled. */
export async function converse<F extends AnyFrame>(
  deps: AskingDeps,
  peer: PeerId,
  protocol: string,
  decode: (frame: Frame) => F,
  signal: AbortSignal | undefined,
): Promise<Conversation<F>> {
  const member = deps.network.members().find((candidate) => candidate.peer === peer)
  if (member === undefined) throw new PeerUnreachableError(`${peer} is no member`)
  const timeoutMs = stallTimeoutMs(deps.stallTimeoutMs[member.link], member.roundTripMs)
  const newDeadline = () =>
    new ProgressDeadline(
      deps.clock,
      timeoutMs,
      () => new PeerStalledError(`${peer} has shown no life for ${timeoutMs} ms`),
    )
  using deadline = newDeadline()
  const signals = signal === undefined ? [deadline.signal] : [deadline.signal, signal]
  const stream = await deps.network.openStream(peer, protocol, { signal: AbortSignal.any(signals) })
  return new Conversation(stream, decode, newDeadline, deps.clock)
}

/**
 * The asking side of a stream. It ends with its first failure: everything that goes on, and everything that is tried
 * later, rejects with that. While replies are due the peer must show life.
 */
export class Conversation<F extends AnyFrame> {
  readonly #stream: PeerStream
  readonly #decode: (frame: Frame) => F
  readonly #newDeadline: () => ProgressDeadline
  readonly #clock: Clock
  readonly #ended = new AbortController()
  #deadline: ProgressDeadline | undefined
  #due = 0

  constructor(
    stream: PeerStream,
    decode: (frame: Frame) => F,
    newDeadline: () => ProgressDeadline,
    clock: Clock,
  ) {
    this.#clock = clock
    this.#stream = stream
    this.#decode = decode
    this.#newDeadline = newDeadline
  }

  /** Does work that awaits replies; its failure, a stall and an aborted `signal` end the conversation. */
  async expect<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const onAbort = () => this.fail(signal?.reason as Error)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#begin()
    try {
      signal?.throwIfAborted()
      return await work()
    } catch (error) {
      this.fail(error as Error)
      throw this.#ended.signal.reason
    } finally {
      this.#end()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Sends a request. */
  async send(frame: Frame): Promise<void> {
    await this.#stream.send(frame, { signal: this.#ended.signal })
  }

  /** The next frame that isn't `wait`. Throws ERR_PEER_STALLED when nothing else comes for {@link MAX_WAIT_MS}. */
  async receive(): Promise<Exclude<F, { type: 'wait' }>> {
    const sinceMs = this.#clock.monotonicMs()
    for (;;) {
      const bytes = await this.#stream.receive({ signal: this.#ended.signal })
      if (bytes === undefined) throw new PeerStreamError(`${this.#stream.peer} ended the stream too early`)
      this.#deadline?.progress()
      const frame = this.#decode(bytes)
      if (frame.type !== 'wait') return frame as Exclude<F, { type: 'wait' }>
      if (this.#clock.monotonicMs() - sinceMs >= MAX_WAIT_MS) {
        throw new PeerStalledError(`${this.#stream.peer} has said nothing but "wait" for ${MAX_WAIT_MS} ms`)
      }
    }
  }

  /** Ends the conversation and resets the stream, unless it has ended already. */
  fail(reason: Error): void {
    if (this.#ended.signal.aborted) return
    this.#ended.abort(reason)
    this.#stream.abort(reason)
  }

  /** Ends the conversation: in good order when nothing is due, else by a reset. */
  async close(): Promise<void> {
    const reason = new PeerStreamError('the stream was given up by this node')
    if (this.#due > 0) this.fail(reason)
    if (this.#ended.signal.aborted) return
    this.#ended.abort(reason)
    await this.#stream.close()
  }

  #begin(): void {
    this.#due += 1
    if (this.#due > 1) return
    this.#deadline = this.#newDeadline()
    const { signal } = this.#deadline
    signal.addEventListener('abort', () => this.fail(signal.reason as Error), { once: true })
  }

  #end(): void {
    this.#due -= 1
    if (this.#due === 0) this.#deadline?.[Symbol.dispose]()
  }
}

/** A frame of a known protocol that has no place here. */
export function outOfTurn(frame: AnyFrame): PeerProtocolError {
  return new PeerProtocolError(`a ${frame.type} frame out of turn`)
}
