import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  LINK_CLASSES,
  linkClassOf,
  type Digest,
  type Locality,
  type Member,
  type PeerId,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { leadChain, type LeadChain } from '../src/leads.ts'
import { RendezvousOrder } from '../src/rendezvous.ts'

interface Place {
  readonly peer: PeerId
  readonly locality: Locality
}

const placesArb = fc
  .array(fc.record({ region: fc.constantFrom('eu', 'us', 'ap'), site: fc.constantFrom('a', 'b', 'c') }), {
    minLength: 1,
    maxLength: 24,
  })
  .map((localities) =>
    localities.map((locality, index): Place => ({ peer: `peer-${index}` as PeerId, locality })),
  )

const digestArb = fc.nat().map((seed) => digestOf(Buffer.from(String(seed))))

/** The chain as the node at `place` sees it. */
function chainAt(digest: Digest, place: Place, places: readonly Place[]): LeadChain {
  const memberOf = ({ peer, locality }: Place): Member => ({
    peer,
    name: peer,
    version: '1.0.0',
    locality,
    link: linkClassOf(place.locality, locality),
    addresses: [],
    roundTripMs: undefined,
  })
  return leadChain(new RendezvousOrder(digest), {
    self: memberOf(place),
    members: places.filter(({ peer }) => peer !== place.peer).map(memberOf),
  })
}

describe('leadChain', () => {
  it('is this node alone when there is no other', () => {
    const place: Place = { peer: 'peer-0' as PeerId, locality: { region: 'eu', site: 'a' } }
    const chain = chainAt(digestOf(Buffer.from('layer')), place, [place])
    assert.deepEqual(chain, { site: ['peer-0'], region: ['peer-0'], world: ['peer-0'] })
  })

  it('has in each scope exactly the nodes that are in it', () => {
    fc.assert(
      fc.property(digestArb, placesArb, (digest, places) => {
        for (const place of places) {
          const chain = chainAt(digest, place, places)
          for (const [index, scope] of LINK_CLASSES.entries()) {
            const nearer = LINK_CLASSES.slice(0, index + 1)
            const expected = places.filter(({ locality }) =>
              nearer.includes(linkClassOf(place.locality, locality)),
            )
            assert.deepEqual(chain[scope].toSorted(), expected.map(({ peer }) => peer).toSorted())
          }
        }
      }),
    )
  })

  it('is the same for all nodes of a scope', () => {
    fc.assert(
      fc.property(digestArb, placesArb, (digest, places) => {
        const seen = new Map<string, readonly PeerId[]>()
        for (const place of places) {
          const chain = chainAt(digest, place, places)
          const { region, site } = place.locality
          for (const [key, scope] of [
            ['world', 'world'],
            [region, 'region'],
            [`${region}/${site}`, 'site'],
          ] as const) {
            assert.deepEqual(chain[scope], seen.get(key) ?? chain[scope])
            seen.set(key, chain[scope])
          }
        }
      }),
    )
  })

  it('has the lead of a scope as lead of every nearer scope that it is in', () => {
    fc.assert(
      fc.property(digestArb, placesArb, (digest, places) => {
        const placeOf = (peer: PeerId | undefined) => places.find((place) => place.peer === peer)!
        for (const place of places) {
          const chain = chainAt(digest, place, places)
          const worldLead = chain.world[0]
          assert.equal(chainAt(digest, placeOf(worldLead), places).region[0], worldLead)
          assert.equal(chainAt(digest, placeOf(worldLead), places).site[0], worldLead)
          const regionLead = chain.region[0]
          assert.equal(chainAt(digest, placeOf(regionLead), places).site[0], regionLead)
        }
      }),
    )
  })

  it('passes the lead to the next in order when the lead goes, in every scope', () => {
    fc.assert(
      fc.property(digestArb, placesArb, (digest, places) => {
        const [place] = places
        const chain = chainAt(digest, place!, places)
        for (const scope of LINK_CLASSES) {
          const [lead, ...rest] = chain[scope]
          if (lead === place!.peer) continue
          const without = places.filter(({ peer }) => peer !== lead)
          assert.deepEqual(chainAt(digest, place!, without)[scope], rest)
        }
      }),
    )
  })
})
