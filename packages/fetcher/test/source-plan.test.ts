import assert from 'node:assert/strict'

import type { LinkClass, Member, PeerId } from '@layermesh/interface'

import {
  isWithin,
  MAX_LEADS_PER_SCOPE,
  planSources,
  type Source,
  type SourcePlanInput,
} from '../src/source-plan.ts'

const peer = (name: string) => name as PeerId

function member(name: string, link: LinkClass): Member {
  return {
    peer: peer(name),
    name,
    version: '0',
    link,
    locality: { region: 'r', site: 's' },
    addresses: [],
    roundTripMs: undefined,
  }
}

const members = [member('near', 'site'), member('next', 'region'), member('far', 'world')]

function plan(input: Partial<SourcePlanInput>): string[] {
  const sources = planSources({
    sources: ['site', 'region', 'world', 'upstream'],
    self: peer('self'),
    members,
    holders: [],
    leads: { site: [peer('self')], region: [peer('self')], world: [peer('self')] },
    followers: [],
    ...input,
  })
  return sources.map(describeSource)
}

function describeSource(source: Source): string {
  if (source.kind === 'upstream') return 'upstream'
  if (source.kind === 'lead') return `${source.peer} leads ${source.scope}`
  return source.kind === 'holder' ? `${source.peer} holds` : `${source.peer} follows`
}

describe('planSources', () => {
  it('goes upstream at once when nobody holds the blob and this node leads every scope', () => {
    assert.deepEqual(plan({}), ['upstream'])
  })

  it('asks holders by how near they are, and upstream last', () => {
    const holders = [peer('far'), peer('near'), peer('next')]
    assert.deepEqual(plan({ holders }), ['near holds', 'next holds', 'far holds', 'upstream'])
  })

  it('asks the lead of a scope before anybody outside the scope', () => {
    const leads = {
      site: [peer('near'), peer('self')],
      region: [peer('next'), peer('near')],
      world: [peer('far')],
    }
    assert.deepEqual(plan({ leads, holders: [peer('far')] }).slice(0, 2), ['near leads site', 'far holds'])
  })

  it('keeps the rendezvous order of leads and stops at itself', () => {
    const both = [member('a', 'site'), member('b', 'site'), member('c', 'site')]
    const leads = {
      site: [peer('b'), peer('c'), peer('self'), peer('a')],
      region: [peer('self')],
      world: [peer('self')],
    }
    assert.deepEqual(plan({ members: both, leads }), ['b leads site', 'c leads site', 'upstream'])
  })

  it('asks no more leads of a scope than allowed', () => {
    const many = Array.from({ length: MAX_LEADS_PER_SCOPE + 4 }, (_, index) => member(`m${index}`, 'site'))
    const leads = {
      site: [...many.map((one) => one.peer), peer('self')],
      region: [peer('self')],
      world: [peer('self')],
    }
    const asked = plan({ members: many, leads }).filter((step) => step.endsWith('leads site'))
    assert.equal(asked.length, MAX_LEADS_PER_SCOPE)
  })

  it('asks those that wait for it for what they have before it goes further out', () => {
    const leads = {
      site: [peer('near'), peer('self')],
      region: [peer('next'), peer('near'), peer('self')],
      world: [peer('next'), peer('near'), peer('self')],
    }
    const followers = [peer('far'), peer('near')]
    assert.deepEqual(plan({ leads, followers }).slice(0, 3), [
      'near leads site',
      'near follows',
      'next leads region',
    ])
    assert.deepEqual(plan({ followers, sources: ['site', 'upstream', 'world'] }), [
      'near follows',
      'upstream',
      'far follows',
    ])
  })

  it('never lists a pair of nodes as waiting for each other, whatever each sees of the cluster', () => {
    const nodes = ['a', 'b', 'c', 'd'].map(peer)
    const seenBy = (self: PeerId, others: readonly PeerId[]) => {
      const ranked = nodes.filter((node) => node === self || others.includes(node))
      const leads = { site: ranked, region: ranked, world: ranked }
      return plan({ self, members: others.map((node) => member(node, 'site')), leads })
    }
    for (const [index, self] of nodes.entries()) {
      for (let view = 0; view < 2 ** nodes.length; view += 1) {
        const others = nodes.filter((node, bit) => node !== self && (view & (1 << bit)) > 0)
        const asked = seenBy(self, others).filter((step) => step.includes('leads'))
        for (const step of asked) assert.ok(nodes.indexOf(peer(step.charAt(0))) < index)
      }
    }
  })

  it('follows the order of the setting `sources`', () => {
    const holders = [peer('far'), peer('near')]
    assert.deepEqual(plan({ sources: ['site', 'region', 'upstream', 'world'], holders }), [
      'near holds',
      'upstream',
      'far holds',
    ])
    assert.deepEqual(plan({ sources: ['site', 'upstream'], holders }), ['near holds', 'upstream'])
  })

  it('passes over holders that are not members any more', () => {
    assert.deepEqual(plan({ holders: [peer('gone')] }), ['upstream'])
  })
})

describe('isWithin', () => {
  it('orders scopes from the nearest to the farthest', () => {
    assert.equal(isWithin('site', 'region'), true)
    assert.equal(isWithin('region', 'region'), true)
    assert.equal(isWithin('world', 'region'), false)
  })
})
