import { randomBytes } from 'node:crypto'
import { abortable, ProgressDeadline } from '@layermesh/async'
import {
  PeerProtocolError,
  type Clock,
  type Counter,
  type Log,
  type Metrics,
  type PeerId,
} from '@layermesh/interface'
import type { Connection, Stream } from '@libp2p/interface'
import { addressesOf } from './addresses.ts'
import { MAX_ADDRESSES, MAX_HELLO_BYTES, MAX_INTRODUCTIONS, type Introduction } from './admission-messages.ts'
import { AdmissionRefusal, HELLO_OUTCOMES, type HelloOutcome } from './admission-refusal.ts'
import {
  HELLO_PROTOCOL,
  helloAsDialler,
  helloAsListener,
  type AdmissionParty,
  type Admit,
} from './admission.ts'
import { remotePeerOf, type Membership } from './membership.ts'
import type { AdmittedPeer } from './membership-view.ts'
import { Libp2pPeerStream } from './peer-stream.ts'
import { untilClosed } from './until-closed.ts'

/** How long a peer may take to hear that it is refused, in milliseconds. */
const LISTENING_TIMEOUT_MS = 1_000

/** Collaborators of {@link AdmissionControl}. */
export interface AdmissionControlDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly membership: Membership
  /** Takes note of a node that the member `by` has introduced. */
  readonly introduced: (introduction: Introduction, by: PeerId) => void
}

/** Tunables of {@link AdmissionControl}. */
export interface AdmissionControlInit {
  /** What this node brings to each hello, but for the nonce. */
  readonly self: () => Omit<AdmissionParty, 'nonce'>
  /** How long a peer has to prove membership, in milliseconds. */
  readonly helloTimeoutMs: number
}

interface Admission {
  /** Resolves with the stream of the hello. */
  readonly stream: PromiseWithResolvers<Stream>
  accepted: boolean
  /** Which secret the peer has proven last, if it is admitted and there are any. */
  secret: string | undefined
  readonly outcome: Promise<HelloOutcome>
}

/** Runs the hello on each new connection, and cuts off peers that don't pass it. */
export class AdmissionControl {
  readonly #deps: AdmissionControlDeps
  readonly #init: AdmissionControlInit
  readonly #hellos: Counter
  readonly #admissions = new WeakMap<Connection, Admission>()

  constructor(deps: AdmissionControlDeps, init: AdmissionControlInit) {
    this.#deps = deps
    this.#init = init
    this.#hellos = deps.metrics.counter({
      name: 'mesh_hello_total',
      help: 'Hellos with peers by how they ended; anything but admitted means that a peer was turned away.',
      labels: { outcome: HELLO_OUTCOMES },
    })
  }

  /** Begins with a new connection: as its dialler opens the hello, as its listener waits for it. */
  begin(connection: Connection): void {
    const stream = Promise.withResolvers<Stream>()
    // Nobody listens when the time is over before the stream comes.
    stream.promise.catch(() => {})
    const dialled = connection.direction === 'outbound'
    this.#admissions.set(connection, {
      ...{ stream, accepted: dialled, secret: undefined },
      outcome: this.#run(connection, stream, dialled),
    })
  }

  /** Takes the stream on which a dialler says hello, or a member proves a secret again. */
  accept(stream: Stream, connection: Connection): void {
    const admission = this.#admissions.get(connection)
    if (admission?.accepted === false) {
      admission.accepted = true
      admission.stream.resolve(stream)
    } else {
      void this.#acceptAgain(stream, connection)
    }
  }

  /** The secrets have changed: a member that has proven one that no longer counts has to prove another, on the connection that there is. */
  async renew(connection: Connection): Promise<void> {
    if (!(await this.isAdmitted(connection)) || this.#isCurrent(connection)) return
    await this.#run(connection, Promise.withResolvers(), true)
  }

  /** How the hello on a connection ended; waits while it is under way. */
  async outcomeOf(connection: Connection): Promise<HelloOutcome> {
    return (await this.#admissions.get(connection)?.outcome) ?? 'lost'
  }

  /** Whether the peer at the other end has become a member; waits while the hello is under way. */
  async isAdmitted(connection: Connection): Promise<boolean> {
    return (await this.outcomeOf(connection)) === 'admitted'
  }

  async #acceptAgain(stream: Stream, connection: Connection): Promise<void> {
    if (!(await this.isAdmitted(connection))) {
      stream.abort(new Error('no hello is expected here'))
      return
    }
    const accepted = Promise.withResolvers<Stream>()
    accepted.resolve(stream)
    await this.#run(connection, accepted, false)
  }

  #isCurrent(connection: Connection): boolean {
    const { secrets } = this.#init.self()
    const secret = this.#admissions.get(connection)?.secret
    return secret === undefined ? secrets.length === 0 : secrets.includes(secret)
  }

  async #run(
    connection: Connection,
    stream: PromiseWithResolvers<Stream>,
    opens: boolean,
  ): Promise<HelloOutcome> {
    const outcome = await this.#greet(connection, stream, opens).then(
      () => 'admitted' as const,
      (error: unknown) => this.#turnAway(connection, error),
    )
    this.#hellos.add(1, { outcome })
    // The secrets may have changed meanwhile.
    if (outcome === 'admitted') void this.renew(connection)
    return outcome
  }

  async #greet(
    connection: Connection,
    accepted: PromiseWithResolvers<Stream>,
    opens: boolean,
  ): Promise<void> {
    const { clock, introduced } = this.#deps
    const { self, helloTimeoutMs } = this.#init
    using deadline = new ProgressDeadline(
      clock,
      helloTimeoutMs,
      () => new AdmissionRefusal('timeout', 'the peer did not prove membership in time'),
    )
    const { signal } = deadline
    if (opens) accepted.resolve(openHello(connection, signal))
    const transport = await abortable(accepted.promise, signal)
    const stream = new Libp2pPeerStream(transport, {
      peer: remotePeerOf(connection),
      maxFrameBytes: MAX_HELLO_BYTES,
    })
    // Anybody may open this one: it is reset long before its window is full.
    transport.maxReadBufferLength = MAX_HELLO_BYTES
    const us = { ...self(), nonce: new Uint8Array(randomBytes(32)) }
    const admit: Admit = (newcomer, secret) => this.#admit(connection, newcomer, secret)
    const hello = opens ? helloAsDialler : helloAsListener
    const introductions = await hello(stream, us, admit, { signal })
    for (const introduction of introductions) introduced(introduction, remotePeerOf(connection))
    await abortable(stream.close(), signal)
  }

  #admit(
    connection: Connection,
    { facts, addresses }: AdmittedPeer,
    secret: string | undefined,
  ): readonly Introduction[] {
    if (connection.status !== 'open') throw new AdmissionRefusal('lost', 'the peer is gone')
    const peer = remotePeerOf(connection)
    const { membership } = this.#deps
    const admission = this.#admissions.get(connection)
    if (admission !== undefined) admission.secret = secret
    membership.add(connection, { facts, addresses: addressesOf(peer, addresses).map(String) })
    return membership
      .list()
      .filter((member) => member.peer !== peer)
      .slice(0, MAX_INTRODUCTIONS)
      .map((member) => ({ peer: member.peer, addresses: member.addresses.slice(0, MAX_ADDRESSES) }))
  }

  async #turnAway(connection: Connection, error: unknown): Promise<HelloOutcome> {
    const refusal = refusalOf(error)
    const { outcome, message, cause } = refusal
    const level = outcome === 'lost' ? 'debug' : 'warn'
    this.#deps.log[level](
      { peer: remotePeerOf(connection), reason: message, outcome, err: cause },
      'peer refused',
    )
    if (refusal.isTold) await untilClosed(connection, LISTENING_TIMEOUT_MS)
    if (outcome === 'timeout') connection.abort(refusal)
    else await connection.close().catch(() => connection.abort(refusal))
    return outcome
  }
}

function refusalOf(cause: unknown): AdmissionRefusal {
  if (cause instanceof AdmissionRefusal) return cause
  if (cause instanceof PeerProtocolError) return new AdmissionRefusal('protocol', cause.message, { cause })
  return new AdmissionRefusal('lost', 'the connection was lost during the hello', { cause })
}

async function openHello(connection: Connection, signal: AbortSignal): Promise<Stream> {
  try {
    return await connection.newStream(HELLO_PROTOCOL, { signal })
  } catch (cause) {
    if ((cause as Error).name !== 'UnsupportedProtocolError') throw cause
    throw new AdmissionRefusal('protocol', 'the peer does not speak the hello of layermesh', { cause })
  }
}
