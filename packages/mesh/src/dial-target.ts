import { abortable, ProgressDeadline } from '@layermesh/async'
import type { Clock } from '@layermesh/interface'
import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { addressesOf } from './addresses.ts'
import type { AdmissionControl } from './admission-control.ts'
import type { DialResult, DialTarget } from './dial-plan.ts'
import { remotePeerOf, type Membership } from './membership.ts'

/** How long an attempt to dial may take, all addresses of a target together, in milliseconds. */
export const DIAL_TIMEOUT_MS = 5_000

/** Collaborators of {@link dialTarget}. */
export interface DialTargetDeps {
  readonly clock: Clock
  readonly node: Pick<Libp2p, 'dial'>
  readonly admission: Pick<AdmissionControl, 'outcomeOf'>
  readonly membership: Pick<Membership, 'has'>
}

/** Connects to a target and waits until its peer has been admitted or turned away. Throws what libp2p throws. */
export async function dialTarget(
  deps: DialTargetDeps,
  target: DialTarget,
  signal: AbortSignal,
): Promise<DialResult> {
  try {
    return await resultOf(await connect(deps, target, signal), deps, signal)
  } catch (error) {
    if (isSelfDial(error)) return { kind: 'self' }
    throw error
  }
}

async function connect(
  { clock, node }: DialTargetDeps,
  { peer, addresses }: DialTarget,
  signal: AbortSignal,
): Promise<Connection> {
  using deadline = new ProgressDeadline(clock, DIAL_TIMEOUT_MS, () => new Error('dialling took too long'))
  const parsed =
    peer === undefined ? addresses.map((address) => multiaddr(address)) : addressesOf(peer, addresses)
  return await node.dial([...parsed], { signal: AbortSignal.any([signal, deadline.signal]) })
}

async function resultOf(
  connection: Connection,
  { admission, membership }: DialTargetDeps,
  signal: AbortSignal,
): Promise<DialResult> {
  const outcome = await abortable(admission.outcomeOf(connection), signal)
  if (outcome === 'lost' || outcome === 'timeout') return { kind: 'failed' }
  if (outcome !== 'admitted') return { kind: 'refused' }
  const peer = remotePeerOf(connection)
  return membership.has(peer) ? { kind: 'joined', peer } : { kind: 'failed' }
}

/** libp2p finds out that it has dialled itself only when both ends have said who they are. */
function isSelfDial(error: unknown): boolean {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error]
  return errors.some((each) => (each as Error).name === 'InvalidPeerIdError')
}
