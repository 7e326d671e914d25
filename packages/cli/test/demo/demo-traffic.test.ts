import assert from 'node:assert/strict'
import { trafficBetween, trafficOf } from '../../src/demo/demo-traffic.ts'

const ONE = {
  bytes: {
    served: { cache: 1, site: 2, region: 3, world: 4, upstream: 5 },
    fetched: { site: 10, region: 20, world: 30, upstream: 40 },
    sent: { site: 0, region: 0, world: 0 },
  },
}
const TWO = {
  bytes: {
    served: { cache: 100, site: 0, region: 0, world: 0, upstream: 7 },
    fetched: { site: 0, region: 0, world: 0, upstream: 7 },
    sent: { site: 0, region: 0, world: 0 },
  },
}

describe('trafficOf', () => {
  it('adds up what all nodes have counted, by source', () => {
    assert.deepEqual(trafficOf([ONE, TWO]), {
      servedBytes: { cache: 101, site: 2, region: 3, world: 4, upstream: 12 },
      fetchedBytes: { site: 10, region: 20, world: 30, upstream: 47 },
    })
  })

  it('is nothing when there is no node', () => {
    assert.deepEqual(trafficOf([]).fetchedBytes, { site: 0, region: 0, world: 0, upstream: 0 })
  })
})

describe('trafficBetween', () => {
  it('is what came on top, also from nodes that have come since', () => {
    assert.deepEqual(trafficBetween(trafficOf([ONE]), trafficOf([ONE, TWO])), {
      servedBytes: { cache: 100, site: 0, region: 0, world: 0, upstream: 7 },
      fetchedBytes: { site: 0, region: 0, world: 0, upstream: 7 },
    })
  })
})
