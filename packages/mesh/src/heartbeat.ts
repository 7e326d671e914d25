import { PeerProtocolError, type CancelTimer, type Clock, type PeerStream } from '@layermesh/interface'
import { decodeBeat, encodeBeat, MAX_BEAT_BYTES, type BeatMessage } from './beat-message.ts'
import type { Beat } from './membership-view.ts'

/** The protocol of heartbeats: whoever dialled the connection opens the stream and beats, the other side answers each beat with its own. */
export const HEARTBEAT_PROTOCOL = '/layermesh/heartbeat/1.0.0'

/** Collaborators of a {@link Heartbeat}. */
export interface HeartbeatDeps {
  readonly clock: Clock
  /** Opens the stream; undefined on the side that waits for it to be opened. */
  readonly open: (() => Promise<PeerStream>) | undefined
  readonly nextBeat: () => Beat
  readonly onBeat: (beat: BeatMessage) => void
  readonly onRoundTrip: (roundTripMs: number) => void
  /** Nothing was heard of the peer for too long. */
  readonly onSilent: () => void
}

/** Tunables of a {@link Heartbeat}. */
export interface HeartbeatInit {
  readonly intervalMs: number
  /** After how long without a sign of life the connection counts as dead; a multiple of the interval. */
  readonly silentAfterMs: number
}

/**
 * Keeps up heartbeats over one connection, measures it, and tells when it has gone silent. Silence is counted in
 * intervals that this node has been through, not in time: after a pause of the process itself nobody has been silent.
 */
export class Heartbeat {
  readonly #deps: HeartbeatDeps
  readonly #init: HeartbeatInit
  #cancelTimer: CancelTimer
  #heard = true
  #silentMs = 0
  #stream: PeerStream | undefined
  #opening = false
  /** When the beat was sent that has no answer yet. */
  #askedAtMs: number | undefined
  #roundTripMs: number | undefined
  #stopped = false

  /** Starts at once. */
  constructor(deps: HeartbeatDeps, init: HeartbeatInit) {
    this.#deps = deps
    this.#init = init
    this.#cancelTimer = deps.clock.setTimer(init.intervalMs, this.#tick)
    void this.#ask()
  }

  /** Notes a sign of life. */
  heard(): void {
    this.#heard = true
  }

  /** Beats on the stream that the peer has opened; resolves when the peer ends it. */
  async accept(stream: PeerStream): Promise<void> {
    this.#stream?.abort(new Error('the peer has opened another stream for its heartbeats'))
    this.#stream = stream
    await this.#listen(stream, () => this.#send(stream))
  }

  /** Sends a heartbeat out of turn: there is something new to say. */
  async beatNow(): Promise<void> {
    const stream = this.#stream
    if (stream === undefined) return
    await this.#send(stream).catch((error: unknown) => this.#drop(stream, error))
  }

  /** Says that this node leaves, if there is a stream to say it on; returns whether there is. */
  sayGoodbye(): boolean {
    const stream = this.#stream
    if (stream === undefined) return false
    this.#send(stream, true).catch((error: unknown) => this.#drop(stream, error))
    return true
  }

  stop(): void {
    this.#stopped = true
    this.#cancelTimer()
    this.#stream?.abort(new Error('the connection is no longer watched'))
  }

  readonly #tick = (): void => {
    const { clock, onSilent } = this.#deps
    const { intervalMs, silentAfterMs } = this.#init
    this.#silentMs = this.#heard ? 0 : this.#silentMs + intervalMs
    this.#heard = false
    if (this.#silentMs >= silentAfterMs) {
      onSilent()
      return
    }
    this.#cancelTimer = clock.setTimer(intervalMs, this.#tick)
    void this.#ask()
  }

  /** Sends a beat that is to be answered, unless one is on its way. */
  async #ask(): Promise<void> {
    const { clock, open } = this.#deps
    if (open === undefined || this.#opening || this.#askedAtMs !== undefined) return
    try {
      if (this.#stream === undefined) {
        this.#opening = true
        this.#stream = await open().finally(() => (this.#opening = false))
        if (this.#stopped) throw new Error('the connection is no longer watched')
        void this.#read(this.#stream)
      }
      this.#askedAtMs = clock.monotonicMs()
      await this.#send(this.#stream)
    } catch (error) {
      this.#drop(this.#stream, error)
    }
  }

  async #read(stream: PeerStream): Promise<void> {
    try {
      await this.#listen(stream, () => this.#measure())
      throw new Error('the peer has ended the heartbeats')
    } catch (error) {
      this.#drop(stream, error)
    }
  }

  async #listen(stream: PeerStream, onBeat: () => void | Promise<void>): Promise<void> {
    for (;;) {
      const frame = await stream.receive()
      if (frame === undefined || this.#stopped) return
      const beat = readBeat(frame)
      if (!beat.leaving) await onBeat()
      this.#deps.onBeat(beat)
    }
  }

  #measure(): void {
    if (this.#askedAtMs === undefined) return
    this.#roundTripMs = this.#deps.clock.monotonicMs() - this.#askedAtMs
    this.#askedAtMs = undefined
    this.#deps.onRoundTrip(this.#roundTripMs)
  }

  async #send(stream: PeerStream, leaving = false): Promise<void> {
    const roundTripMs = this.#roundTripMs
    await stream.send(encodeBeat({ ...this.#deps.nextBeat(), roundTripMs, leaving }))
  }

  /** The next tick tries again on a new stream, and counts as silence if that fails too. */
  #drop(stream: PeerStream | undefined, error: unknown): void {
    stream?.abort(error as Error)
    if (this.#stream !== stream) return
    this.#stream = undefined
    this.#askedAtMs = undefined
  }
}

function readBeat(frame: Uint8Array): BeatMessage {
  try {
    if (frame.length > MAX_BEAT_BYTES) throw new RangeError(`it is longer than ${MAX_BEAT_BYTES} bytes`)
    return decodeBeat(frame)
  } catch (cause) {
    throw new PeerProtocolError('a heartbeat makes no sense', { cause })
  }
}
