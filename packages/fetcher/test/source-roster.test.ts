import assert from 'node:assert/strict'

import { rankByRendezvous } from '@layermesh/directory'
import {
  BlobCorruptError,
  type Directory,
  PeerBusyError,
  type PeerId,
  PeerMissingError,
  PeerSlowError,
  PeerStalledError,
  PeerStreamError,
  silentLog,
  type SourceScope,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createMemoryMesh, ManualClock, type MemoryPeerNetwork } from '@layermesh/testkit'

import { MAX_BUSY_RETRIES } from '../src/lead-patience.ts'
import { PeerOffences } from '../src/peer-offences.ts'
import { SlowPeers } from '../src/slow-peers.ts'
import type { Source } from '../src/source-plan.ts'
import { SourceRoster } from '../src/source-roster.ts'
import { UpstreamPauses } from '../src/upstream-pauses.ts'

const ref = {
  kind: 'blob',
  upstream: 'docker.io',
  repository: 'library/nginx',
  digest: digestOf(Buffer.from('layer')),
} as const

describe('SourceRoster', () => {
  let clock: ManualClock
  let nodes: readonly MemoryPeerNetwork[]
  let holders: PeerId[]
  let slowPeers: SlowPeers
  /** Whether members are missing, or new and unknown. */
  let isCutOff: boolean
  let isLearning: boolean

  beforeEach(() => {
    clock = new ManualClock()
    holders = []
    isCutOff = false
    isLearning = false
    slowPeers = new SlowPeers(clock)
    nodes = joinMesh(createMemoryMesh({ clock }))
  })

  /** Five nodes, of one site if no other sites are named, in rendezvous order. */
  function joinMesh(
    mesh: ReturnType<typeof createMemoryMesh>,
    siteOf: (index: number) => string = () => 'paris',
  ): readonly MemoryPeerNetwork[] {
    const joined = Array.from({ length: 5 }, (_, index) =>
      mesh.join({ name: `n${index}`, version: '0', locality: { region: 'eu', site: siteOf(index) } }),
    )
    const order = rankByRendezvous(
      ref.digest,
      joined.map(({ self }) => self.peer),
    )
    return joined.toSorted((a, b) => order.indexOf(a.self.peer) - order.indexOf(b.self.peer))
  }

  const peerAt = (index: number): PeerId => {
    const node = nodes[index]
    assert.ok(node !== undefined)
    return node.self.peer
  }

  /** The roster of the node that is at `index` in rendezvous order. */
  function rosterAt(index: number, sources: readonly SourceScope[] = ['site', 'upstream']): SourceRoster {
    const network = nodes[index]
    assert.ok(network !== undefined)
    const directory: Directory = {
      holders: () => holders,
      get isLearning() {
        return isLearning
      },
      announce: () => {},
      withdraw: () => {},
      forget: (peer) => {
        holders = holders.filter((holder) => holder !== peer)
      },
      summaryOf: () => ({ blobs: 0, bytes: 0 }),
    }
    return new SourceRoster(
      {
        ...{ directory, clock, log: silentLog, random: () => 0 },
        network: {
          ...{ authenticated: network.authenticated, self: network.self },
          members: () => network.members(),
          ban: (peer, durationMs) => network.ban(peer, durationMs),
          get isCutOff() {
            return isCutOff
          },
        },
        offences: new PeerOffences(),
        pauses: new UpstreamPauses(clock),
        slowPeers,
      },
      { ref, sources },
    )
  }

  function nextSource(roster: SourceRoster, heldPieces = 0): Source {
    const next = roster.next(heldPieces)
    assert.ok(
      next !== undefined && next.kind !== 'rest' && next.kind !== 'search',
      `there is no source: ${next?.kind}`,
    )
    return next
  }

  const nameOf = (source: Source | undefined) =>
    source === undefined || source.kind === 'upstream' ? source?.kind : `${source.kind} ${source.peer}`

  it('goes on to the next lead at once when one stalls, and never asks that again', () => {
    const roster = rosterAt(2)
    const first = nextSource(roster)
    assert.equal(nameOf(first), `lead ${peerAt(0)}`)
    roster.failed(first, new PeerStalledError('scripted'))
    const second = nextSource(roster)
    assert.equal(nameOf(second), `lead ${peerAt(1)}`)
    roster.failed(second, new PeerStalledError('scripted'))
    assert.equal(nameOf(nextSource(roster)), 'upstream')
  })

  it('asks again those that stood still and are still members, before it gives up', () => {
    const roster = rosterAt(1, ['site'])
    for (let round = 0; round < 4; round += 1) {
      const lead = nextSource(roster)
      assert.equal(nameOf(lead), `lead ${peerAt(0)}`)
      roster.failed(lead, new PeerStalledError('scripted'))
      const next = roster.next(0)
      if (round < 3) assert.ok(next?.kind === 'rest' && next.delayMs === 250 * 2 ** round)
      else assert.equal(next, undefined)
    }
  })

  it('gives up at once when those that failed have gone, or have said that they can not', () => {
    const gone = rosterAt(1, ['site'])
    gone.failed(nextSource(gone), new PeerStalledError('scripted'))
    nodes[0]?.leave()
    assert.equal(gone.next(0), undefined)
    const refused = rosterAt(1, ['site'])
    assert.equal(refused.next(0), undefined)
  })

  it('asks holders that were slow after the others, and knows whether there are others', () => {
    const first = rosterAt(0)
    holders = [peerAt(1), peerAt(2)]
    const slow = nextSource(first)
    assert.ok(slow.kind === 'holder')
    assert.equal(first.hasOther(0), true)
    first.failed(slow, new PeerSlowError('scripted'))
    const other = nextSource(first)
    assert.ok(other.kind === 'holder' && other.peer !== slow.peer)
    assert.equal(first.hasOther(0), false)
    assert.deepEqual(slowPeers.last([slow.peer, other.peer]), [other.peer, slow.peer])
  })

  it('has no other source than a slow one when all others are further out', () => {
    nodes = joinMesh(createMemoryMesh({ clock }), (index) => (index < 2 ? 'paris' : 'oslo'))
    const network = nodes.find(({ self }) => self.locality.site === 'paris')
    assert.ok(network !== undefined)
    const roster = rosterAt(nodes.indexOf(network), ['site', 'region', 'upstream'])
    holders = network.members().map(({ peer }) => peer)
    const near = nextSource(roster)
    assert.ok(near.kind === 'holder' && near.link === 'site')
    assert.equal(roster.hasOther(0), false)
    roster.failed(near, new PeerStalledError('scripted'))
    assert.ok(nextSource(roster).kind === 'holder')
    assert.equal(roster.hasOther(0), true)
  })

  it('goes back to a lead that stood still and gives the blob after all', () => {
    const roster = rosterAt(1)
    const lead = nextSource(roster)
    assert.ok(lead.kind === 'lead')
    assert.deepEqual(roster.missed, [])
    roster.failed(lead, new PeerStalledError('scripted'))
    assert.equal(nameOf(nextSource(roster)), 'upstream')
    assert.deepEqual(roster.missed, [lead])
    assert.equal(roster.hasNearer(0), false)
    roster.back(lead)
    assert.equal(roster.hasNearer(0), true)
    roster.again()
    assert.deepEqual(nextSource(roster), lead)
    assert.deepEqual(roster.missed, [])
    roster.failed(lead, new PeerStalledError('scripted'))
    assert.equal(nameOf(nextSource(roster)), 'upstream')
    nodes[0]?.leave()
    assert.deepEqual(roster.missed, [], 'nobody asks who is gone')
  })

  it('has members looked for that are missing before it goes upstream, and leaves upstream for that', () => {
    isCutOff = true
    const roster = rosterAt(0)
    assert.deepEqual(roster.next(0), { kind: 'search' })
    isCutOff = false
    assert.equal(nameOf(nextSource(roster)), 'upstream')
    assert.equal(roster.hasNearer(0), false)
    isCutOff = true
    assert.equal(roster.hasNearer(0), true)
    assert.equal(nameOf(nextSource(rosterAt(0, ['upstream', 'site']))), 'upstream')
    assert.equal(nameOf(nextSource(rosterAt(1))), `lead ${peerAt(0)}`)
  })

  it('waits to hear what new members hold before it goes upstream', () => {
    isLearning = true
    const roster = rosterAt(0)
    assert.equal(roster.next(0)?.kind, 'rest')
    holders = [peerAt(1)]
    assert.equal(nameOf(nextSource(roster)), `holder ${peerAt(1)}`)
  })

  it('waits for a lead that is full rather than to go upstream, but asks the next lead meanwhile', () => {
    const roster = rosterAt(2)
    roster.failed(nextSource(roster), new PeerBusyError('scripted'))
    const second = nextSource(roster)
    assert.equal(nameOf(second), `lead ${peerAt(1)}`)
    roster.failed(second, new PeerBusyError('scripted'))
    const rest = roster.next(0)
    assert.ok(rest?.kind === 'rest' && rest.delayMs > 0)
    clock.advance(rest.delayMs)
    assert.equal(nameOf(nextSource(roster)), `lead ${peerAt(0)}`)
  })

  it('goes upstream past a lead that stays full, and counts that as a duplicate', () => {
    const roster = rosterAt(1)
    for (let times = 0; times <= MAX_BUSY_RETRIES; times += 1) {
      assert.equal(roster.duplicates(), false)
      roster.failed(nextSource(roster), new PeerBusyError('scripted'))
      const rest = roster.next(0)
      if (rest?.kind === 'rest') clock.advance(rest.delayMs)
      else assert.equal(rest?.kind, 'upstream')
    }
    assert.equal(roster.duplicates(), true)
  })

  it('asks a lead again twice to which the stream was lost', () => {
    const roster = rosterAt(1)
    for (let times = 0; times < 3; times += 1) {
      const lead = nextSource(roster)
      assert.equal(nameOf(lead), `lead ${peerAt(0)}`)
      roster.failed(lead, new PeerStreamError('scripted'))
      clock.advance(200)
    }
    assert.equal(nameOf(nextSource(roster)), 'upstream')
  })

  it('asks no lead that another node has heard a refusal from', () => {
    const roster = rosterAt(3)
    roster.refusedElsewhere([peerAt(0), peerAt(1)])
    const lead = nextSource(roster)
    assert.equal(nameOf(lead), `lead ${peerAt(2)}`)
    roster.failed(lead, new PeerMissingError('scripted'))
    assert.deepEqual(roster.refusedBy, [peerAt(0), peerAt(1), peerAt(2)])
  })

  it('takes from a follower only what is missing, once for each offer', () => {
    const roster = rosterAt(0)
    roster.offered(peerAt(1), 3)
    roster.offered(peerAt(2), 5)
    assert.equal(nameOf(nextSource(roster, 2)), `follower ${peerAt(2)}`)
    assert.equal(nameOf(nextSource(roster, 5)), 'upstream')
    assert.equal(roster.hasNearer(5), false)
    roster.offered(peerAt(1), 6)
    assert.equal(roster.hasNearer(5), true)
    assert.equal(nameOf(nextSource(roster, 5)), `follower ${peerAt(1)}`)
  })

  it('finds a holder to be nearer than upstream only where the setting lists it before', () => {
    for (const [sources, expected] of [
      [['site', 'upstream'], true],
      [['upstream', 'site'], false],
      [['upstream'], false],
    ] as const) {
      const roster = rosterAt(0, sources)
      holders = []
      assert.equal(nameOf(nextSource(roster)), 'upstream')
      holders = [peerAt(1)]
      assert.equal(roster.hasNearer(0), expected)
      assert.equal(roster.duplicates(), expected)
    }
  })

  it('says why upstream could not be asked rather than what the last peer said', () => {
    const roster = rosterAt(1, ['upstream', 'site'])
    const unreachable = new UpstreamUnreachableError('scripted')
    roster.failed(nextSource(roster), unreachable)
    roster.failed(nextSource(roster), new PeerMissingError('scripted'))
    assert.equal(roster.next(0), undefined)
    assert.equal(roster.verdict().cause, unreachable)
  })

  describe('wrong bytes', () => {
    const isMember = (peer: PeerId) => nodes[1]!.members().some((member) => member.peer === peer)
    const wrong = () => new BlobCorruptError(ref.digest, 'scripted')

    it('are blamed on the peer that gave all of them', () => {
      const roster = rosterAt(1)
      const lead = nextSource(roster)
      roster.contributed(lead)
      roster.corrupted(wrong())
      assert.equal(isMember(peerAt(0)), false)
    })

    it('are not blamed on a lead that has found out itself, started over, and given the rest', () => {
      const roster = rosterAt(1)
      const lead = nextSource(roster)
      assert.equal(nameOf(lead), `lead ${peerAt(0)}`)
      roster.contributed(lead)
      roster.failed(lead, new PeerMissingError('its fetch went wrong'))
      holders = [peerAt(0)]
      const holder = nextSource(roster)
      assert.equal(nameOf(holder), `holder ${peerAt(0)}`)
      roster.contributed(holder)
      roster.corrupted(wrong())
      assert.equal(isMember(peerAt(0)), true)
      assert.equal(nameOf(nextSource(roster)), 'upstream')
    })

    it('keep a peer out of later rounds that was also slow', () => {
      const roster = rosterAt(1)
      const lead = nextSource(roster)
      roster.contributed(lead)
      roster.failed(lead, new PeerStalledError('scripted'))
      const upstream = nextSource(roster)
      roster.contributed(upstream)
      roster.corrupted(wrong())
      roster.failed(nextSource(roster), new UpstreamUnreachableError('scripted'))
      assert.equal(roster.next(0), undefined)
    })
  })

  describe('what a peer says of upstream', () => {
    const answers = [new UpstreamNotFoundError('scripted'), new UpstreamRateLimitedError('scripted', 600_000)]

    it('is an answer when it has proven the secret', () => {
      for (const answer of answers) {
        const roster = rosterAt(1)
        roster.failed(nextSource(roster), answer)
        assert.equal(roster.next(0), undefined)
        assert.equal(roster.verdict(), answer)
      }
    })

    it('keeps nothing from anybody when it has not', () => {
      nodes = joinMesh(createMemoryMesh({ clock, authenticated: false }))
      for (const answer of answers) {
        const roster = rosterAt(1)
        roster.failed(nextSource(roster), answer)
        assert.equal(nameOf(nextSource(roster)), 'upstream')
      }
    })
  })
})
