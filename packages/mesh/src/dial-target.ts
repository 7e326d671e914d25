import { ProgressDeadline } from '@layermesh/async'
import type { Clock } from '@layermesh/interface'
import type { Libp2p } from '@libp2p/interface'
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
  { clock, node, admission, membership }: DialTargetDeps,
  { peer, addresses }: DialTarget,
  signal: AbortSignal,
): Promise<DialResult> {
  using deadline = new ProgressDeadline(clock, DIAL_TIMEOUT_MS, () => new Error('dialling took too long'))
  const connection = await node.dial(
    peer === undefined ? addresses.map((address) => multiaddr(address)) : [...addressesOf(peer, addresses)],
    { signal: AbortSignal.any([signal, deadline.signal]) },
  )
  const outcome = await admission.outcomeOf(connection)
  if (outcome === 'lost' || outcome === 'timeout') return { kind: 'failed' }
  if (outcome !== 'admitted') return { kind: 'refused' }
  const joined = remotePeerOf(connection)
  return membership.has(joined) ? { kind: 'joined', peer: joined } : { kind: 'failed' }
}
