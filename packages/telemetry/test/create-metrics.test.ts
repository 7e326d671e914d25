import assert from 'node:assert/strict'
import { createMetrics, type PrometheusMetrics } from '../src/index.ts'

const LABELS = { source: ['cache', 'upstream'], kind: ['blob', 'manifest'] } as const
const SERVED = { name: 'served_bytes_total', help: 'Bytes handed to clients.', labels: LABELS }

async function samples(metrics: PrometheusMetrics): Promise<readonly string[]> {
  const lines = (await metrics.text()).split('\n')
  return lines.filter((line) => line.startsWith('layermesh_'))
}

describe('createMetrics', () => {
  it('exports the metrics of the process beside its own, in the text format', async () => {
    const metrics = createMetrics()
    metrics.counter({ name: 'x_total', help: 'Help for operators.' })
    const text = await metrics.text()
    assert.match(text, /^# HELP layermesh_x_total Help for operators\.$/m)
    assert.match(text, /^# TYPE layermesh_x_total counter$/m)
    assert.match(text, /^process_cpu_seconds_total /m)
    assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/)
  })

  it('keeps the metrics of two nodes in one process apart', async () => {
    const [one, other] = [createMetrics(), createMetrics()]
    one.counter({ name: 'x_total', help: 'x' }).add(1)
    other.counter({ name: 'x_total', help: 'x' })
    assert.deepEqual(await samples(one), ['layermesh_x_total 1'])
    assert.deepEqual(await samples(other), ['layermesh_x_total 0'])
  })

  it('rejects a name that is registered already', () => {
    const metrics = createMetrics()
    metrics.counter({ name: 'x_total', help: 'x' })
    assert.throws(() => metrics.counter({ name: 'x_total', help: 'x' }), /already been registered/)
    assert.throws(() => metrics.gauge({ name: 'x_total', help: 'x' }, () => 0), /already been registered/)
  })

  describe('counter', () => {
    it('exports each combination of its labels from the start, with 0', async () => {
      const metrics = createMetrics()
      metrics.counter(SERVED)
      assert.deepEqual(await samples(metrics), [
        'layermesh_served_bytes_total{source="cache",kind="blob"} 0',
        'layermesh_served_bytes_total{source="cache",kind="manifest"} 0',
        'layermesh_served_bytes_total{source="upstream",kind="blob"} 0',
        'layermesh_served_bytes_total{source="upstream",kind="manifest"} 0',
      ])
    })

    it('grows from scrape to scrape', async () => {
      const metrics = createMetrics()
      const counter = metrics.counter({ name: 'x_total', help: 'x' })
      counter.add(2)
      assert.deepEqual(await samples(metrics), ['layermesh_x_total 2'])
      counter.add(3)
      assert.deepEqual(await samples(metrics), ['layermesh_x_total 5'])
    })

    it('sums over the labels that are not asked for', () => {
      const counter = createMetrics().counter(SERVED)
      counter.add(1, { source: 'cache', kind: 'blob' })
      counter.add(10, { source: 'cache', kind: 'manifest' })
      counter.add(100, { kind: 'blob', source: 'upstream' })
      assert.equal(counter.value(), 111)
      assert.equal(counter.value({ source: 'cache' }), 11)
      assert.equal(counter.value({ source: 'upstream', kind: 'blob' }), 100)
    })

    for (const labels of [{ source: 'moon', kind: 'blob' }, { source: 'cache' }, {}]) {
      it(`rejects the labels ${JSON.stringify(labels)}, which it doesn't declare`, () => {
        const counter = createMetrics().counter(SERVED)
        assert.throws(() => counter.add(1, labels), TypeError)
      })
    }

    it('rejects labels beyond those that it declares', () => {
      const counter = createMetrics().counter({ name: 'x_total', help: 'x' })
      assert.throws(() => counter.add(1, { peer: 'p' }), TypeError)
    })

    for (const amount of [-1, NaN]) {
      it(`rejects growing by ${amount}`, () => {
        const counter = createMetrics().counter({ name: 'x_total', help: 'x' })
        assert.throws(() => counter.add(amount), TypeError)
      })
    }
  })

  describe('gauge', () => {
    it('is read at each scrape', async () => {
      const metrics = createMetrics()
      let value = 1
      metrics.gauge({ name: 'fills', help: 'x' }, () => value)
      assert.deepEqual(await samples(metrics), ['layermesh_fills 1'])
      value = 0
      assert.deepEqual(await samples(metrics), ['layermesh_fills 0'])
    })

    it('is read for each combination of its labels', async () => {
      const metrics = createMetrics()
      const members = { site: 2, world: 5 }
      metrics.gauge({ name: 'members', help: 'x', labels: { link: Object.keys(members) } }, ({ link }) =>
        link === 'site' ? members.site : members.world,
      )
      assert.deepEqual(await samples(metrics), [
        'layermesh_members{link="site"} 2',
        'layermesh_members{link="world"} 5',
      ])
    })
  })

  describe('histogram', () => {
    it('counts into its buckets, and exports each combination from the start', async () => {
      const metrics = createMetrics()
      const histogram = metrics.histogram(
        { name: 'fetch_seconds', help: 'x', labels: { outcome: ['ok', 'failed'] } },
        [1, 2],
      )
      histogram.observe(1.5, { outcome: 'ok' })
      assert.deepEqual(await samples(metrics), [
        'layermesh_fetch_seconds_bucket{le="1",outcome="ok"} 0',
        'layermesh_fetch_seconds_bucket{le="2",outcome="ok"} 1',
        'layermesh_fetch_seconds_bucket{le="+Inf",outcome="ok"} 1',
        'layermesh_fetch_seconds_sum{outcome="ok"} 1.5',
        'layermesh_fetch_seconds_count{outcome="ok"} 1',
        'layermesh_fetch_seconds_bucket{le="1",outcome="failed"} 0',
        'layermesh_fetch_seconds_bucket{le="2",outcome="failed"} 0',
        'layermesh_fetch_seconds_bucket{le="+Inf",outcome="failed"} 0',
        'layermesh_fetch_seconds_sum{outcome="failed"} 0',
        'layermesh_fetch_seconds_count{outcome="failed"} 0',
      ])
      assert.throws(() => histogram.observe(1, { outcome: 'odd' }), TypeError)
    })
  })
})
