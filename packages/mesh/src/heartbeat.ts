import type { CancelTimer, Clock, PeerStream } from '@layermesh/interface'

/** The protocol by which a node measures a connection: what is sent comes back. The opener sends. */
export const PING_PROTOCOL = '/layermesh/ping/1.0.0'

/** Collaborators of a {@link Heartbeat}. */
export interface HeartbeatDeps {
  readonly clock: Clock
  /** Opens a ping stream on the connection. */
  readonly open: () => Promise<PeerStream>
  readonly onRoundTrip: (roundTripMs: number) => void
  /** Nothing was heard of the peer for too long. */
  readonly onSilent: () => void
}

/** Tunables of a {@link Heartbeat}. */
export interface HeartbeatInit {
  readonly intervalMs: number
  /** After how long without a sign of life the peer counts as gone; a multiple of the interval. */
  readonly silentAfterMs: number
}

/**
 * Watches one connection: pings it, and tells when it has gone silent. Silence is counted in intervals that this
 * node has been through, not in time: after a pause of the process itself nobody has been silent.
 */
export class Heartbeat {
  readonly #deps: HeartbeatDeps
  readonly #init: HeartbeatInit
  #cancelTimer: CancelTimer
  #heard = true
  #silentMs = 0
  #stream: PeerStream | undefined
  #pinging = false
  #stopped = false

  /** Starts at once. */
  constructor(deps: HeartbeatDeps, init: HeartbeatInit) {
    this.#deps = deps
    this.#init = init
    this.#cancelTimer = deps.clock.setTimer(init.intervalMs, this.#beat)
    void this.#ping()
  }

  /** Notes a sign of life. */
  heard(): void {
    this.#heard = true
  }

  stop(): void {
    this.#stopped = true
    this.#cancelTimer()
    this.#stream?.abort(new Error('the connection is no longer watched'))
  }

  readonly #beat = (): void => {
    const { clock, onSilent } = this.#deps
    const { intervalMs, silentAfterMs } = this.#init
    this.#silentMs = this.#heard ? 0 : this.#silentMs + intervalMs
    this.#heard = false
    if (this.#silentMs >= silentAfterMs) {
      onSilent()
      return
    }
    this.#cancelTimer = clock.setTimer(intervalMs, this.#beat)
    void this.#ping()
  }

  async #ping(): Promise<void> {
    if (this.#pinging) return
    this.#pinging = true
    const { clock, open, onRoundTrip } = this.#deps
    try {
      this.#stream ??= await open()
      const sentMs = clock.monotonicMs()
      await this.#stream.send(Uint8Array.of(0))
      if ((await this.#stream.receive()) === undefined) throw new Error('the peer ended the ping')
      if (!this.#stopped) onRoundTrip(clock.monotonicMs() - sentMs)
    } catch (error) {
      // The next beat tries again on a new stream, and counts as silence if that fails too.
      this.#stream?.abort(error as Error)
      this.#stream = undefined
    } finally {
      this.#pinging = false
    }
  }
}

/** The other side of a ping: sends back what it receives. */
export async function echo(stream: PeerStream): Promise<void> {
  for (;;) {
    const frame = await stream.receive()
    if (frame === undefined) return
    await stream.send(frame)
  }
}
