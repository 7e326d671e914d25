import type { ResultTable } from '../support/result-page.ts'
import { spreadOf } from '../support/statistics.ts'
import { CARRIERS, type CarrierSample } from './carriers.ts'
import type { ClusterResult, Percentiles } from './cluster.ts'
import type { MeshResults } from './mesh-results.ts'

const MIB = 1024 ** 2

/** The tables of docs/mesh.md. */
export function tablesOf({ carriers, clusters }: MeshResults): readonly ResultTable[] {
  return [
    ...(carriers === undefined ? [] : [carriersTable(carriers.samples)]),
    ...(clusters.length === 0 ? [] : [clustersTable(clusters)]),
  ]
}

const CARRIER_FIGURES: readonly (readonly [
  text: string,
  figure: (sample: CarrierSample) => number,
  digits: number,
])[] = [
  ['one stream, MiB/s', ({ oneStream }) => oneStream.mebibytesPerSecond, 0],
  ['one stream, CPU s/GiB of both ends', ({ oneStream }) => oneStream.cpuSecondsPerGibibyte, 1],
  ['16 streams, MiB/s', ({ manyStreams }) => manyStreams.mebibytesPerSecond, 0],
  ['16 streams, CPU s/GiB of both ends', ({ manyStreams }) => manyStreams.cpuSecondsPerGibibyte, 1],
  ['a connection of a cluster of eight, CPU ms', (sample) => sample.cpuSecondsPerConnection * 1000, 0],
]

function carriersTable(samples: readonly CarrierSample[]): ResultTable {
  const of = (carrier: CarrierSample['carrier']) => samples.filter((sample) => sample.carrier === carrier)
  return {
    name: 'carriers',
    head: ['what', ...CARRIERS.map((carrier) => `${carrier}, median (least–most)`)],
    rows: CARRIER_FIGURES.map(([text, figure, digits]) => [
      text,
      ...CARRIERS.map((carrier) => {
        const { median, min, max } = spreadOf(of(carrier).map(figure))
        return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
      }),
    ]),
  }
}

const CLUSTER_FIGURES: readonly (readonly [text: string, figure: (cluster: ClusterResult) => string])[] = [
  ['every node sees every other one, s after the first start', (one) => seconds(one.allFullViewsMs)],
  ['processor time until then, s a node', (one) => (one.formingCpuSeconds / one.nodes).toFixed(1)],
  ['a new blob now and then: known to a node, ms', (one) => milliseconds(one.calm.known)],
  ['known everywhere, ms', (one) => milliseconds(one.calm.knownEverywhere)],
  ['idle: sent, bytes/s', (one) => count(one.idle.bytesPerSecond)],
  ['idle: sent, packets/s', (one) => count(one.idle.packetsPerSecond)],
  ['idle: share of a core', (one) => percent(one.idle.cpuShare)],
  ['machine not used meanwhile', (one) => percent(one.idle.machineIdleShare)],
  [
    '100 new blobs/s: blobs that were committed in a second',
    (one) => (one.busy.blobs / one.busy.seconds).toFixed(0),
  ],
  ['sent, bytes/s', (one) => count(one.busy.bytesPerSecond)],
  ['sent, packets/s', (one) => count(one.busy.packetsPerSecond)],
  ['share of a core', (one) => percent(one.busy.cpuShare)],
  ['processor time for each blob, ms', (one) => cpuMsPerBlob(one).toFixed(2)],
  ['known to a node, ms', (one) => milliseconds(one.busy.known)],
  ['known everywhere, ms', (one) => milliseconds(one.busy.knownEverywhere)],
  ['committed late, ms', (one) => milliseconds(one.busy.lateness)],
  ['machine not used meanwhile', (one) => percent(one.busy.machineIdleShare)],
  ['memory of a process at most, MiB', (one) => count(one.peakMemoryBytes.max / MIB)],
]

function clustersTable(clusters: readonly ClusterResult[]): ResultTable {
  return {
    name: 'clusters',
    head: ['for each node', ...clusters.map((one) => `${one.nodes} nodes, ${one.nodesPerProcess} a process`)],
    rows: CLUSTER_FIGURES.map(([text, figure]) => [text, ...clusters.map(figure)]),
  }
}

/** Of one node, beyond what it takes when nothing happens. */
function cpuMsPerBlob({ busy, idle }: ClusterResult): number {
  return ((busy.cpuShare - idle.cpuShare) * busy.seconds * 1000) / busy.blobs
}

function milliseconds({ p50, p99 }: Percentiles): string {
  return `p50 ${count(p50)}, p99 ${count(p99)}`
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
