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
    leadScope: undefined,
    ...input,
  })
  return sources.map(describeSource)
}

function describeSource(source: Source): string {
  if (source.kind === 'upstream') return 'upstream'
  return source.kind === 'holder' ? `${source.peer} holds` : `${source.peer} leads ${source.scope}`
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
    const many = Array.from({ length: 6 }, (_, index) => member(`m${index}`, 'site'))
    const leads = {
      site: [...many.map((one) => one.peer), peer('self')],
      region: [peer('self')],
      world: [peer('self')],
    }
    const asked = plan({ members: many, leads }).filter((step) => step.endsWith('leads site'))
    assert.equal(asked.length, MAX_LEADS_PER_SCOPE)
  })

  it('asks no lead of the scope that it leads itself, nor of a nearer one', () => {
    const leads = { site: [peer('near')], region: [peer('next')], world: [peer('far')] }
    const lead = [...leads.site, peer('self')]
    const all = { site: lead, region: [...leads.region, peer('self')], world: [...leads.world, peer('self')] }
    assert.deepEqual(plan({ leads: all, leadScope: 'site' }), [
      'next leads region',
      'far leads world',
      'upstream',
    ])
    assert.deepEqual(plan({ leads: all, leadScope: 'region' }), ['far leads world', 'upstream'])
    assert.deepEqual(plan({ leads: all, leadScope: 'world' }), ['upstream'])
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
