import type { Encryption } from '@layermesh/mesh'
import { cpuSecondsOf } from '../support/process-cpu.ts'
import { ChildNode } from './child-node.ts'
import type { CarrierRequest } from './nodes/carrier.ts'

const MiB = 1024 ** 2
const GiB = 1024 ** 3

/** What may encrypt the bytes between two nodes. */
export const CARRIERS: readonly Encryption[] = ['tls', 'noise']

/** What one round has measured of a carrier. */
export interface CarrierSample {
  readonly carrier: Encryption
  readonly oneStream: Transfer
  readonly manyStreams: Transfer
  /** CPU seconds of both ends for each connection of a cluster that forms: dial, handshake, hello, gossip. */
  readonly cpuSecondsPerConnection: number
}

interface Transfer {
  readonly mebibytesPerSecond: number
  /** Of both ends. */
  readonly cpuSecondsPerGibibyte: number
}

const TOTAL_MEBIBYTES = 128
const STREAMS = 16
const CROWD = 8

/** Measures a carrier once: two nodes in two processes over loopback, and then a cluster in one of them. */
export async function measureCarrier(carrier: Encryption): Promise<CarrierSample> {
  const init = { encryption: [carrier], locality: { region: 'bench', site: 'bench' } }
  await using server = new ChildNode('carrier', { ...init, name: 'server' })
  const { addresses } = await server.ask<{ addresses: string[] }>({
    kind: 'addresses',
  } satisfies CarrierRequest)
  await using client = new ChildNode('carrier', { ...init, name: 'client', bootstrap: addresses })
  const ends = [server, client]
  const pull = (streams: number, totalMebibytes: number) =>
    transfer(ends, client, streams, totalMebibytes / streams)
  // Compiles what is hot.
  await pull(1, 64)
  return {
    carrier,
    oneStream: await pull(1, TOTAL_MEBIBYTES),
    manyStreams: await pull(STREAMS, TOTAL_MEBIBYTES),
    cpuSecondsPerConnection: await measureCrowd(client),
  }
}

async function transfer(
  ends: readonly ChildNode[],
  client: ChildNode,
  streams: number,
  mebibytesPerStream: number,
): Promise<Transfer> {
  const cpuBefore = await cpuSecondsOfAll(ends)
  const request: CarrierRequest = { kind: 'pull', streams, mebibytesPerStream }
  const { seconds, bytes } = await client.ask<{ seconds: number; bytes: number }>(request)
  const expected = streams * mebibytesPerStream * MiB
  if (bytes !== expected) throw new Error(`${bytes} bytes came instead of ${expected}`)
  const cpuSeconds = (await cpuSecondsOfAll(ends)) - cpuBefore
  return {
    mebibytesPerSecond: bytes / MiB / seconds,
    cpuSecondsPerGibibyte: (cpuSeconds * GiB) / bytes,
  }
}

async function measureCrowd(node: ChildNode): Promise<number> {
  const cpuBefore = await cpuSecondsOfAll([node])
  await node.ask({ kind: 'crowd', count: CROWD } satisfies CarrierRequest)
  return ((await cpuSecondsOfAll([node])) - cpuBefore) / ((CROWD * (CROWD - 1)) / 2)
}

async function cpuSecondsOfAll(nodes: readonly ChildNode[]): Promise<number> {
  const seconds = await Promise.all(nodes.map(({ pid }) => cpuSecondsOf(pid)))
  return seconds.reduce((sum, each) => sum + each, 0)
}
