import { createExchange, type Exchange, type ExchangeInit, type TransferRequest } from '@layermesh/exchange'
import { silentLog, type PeerId, type PeerStream } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createMetrics, type PrometheusMetrics } from '@layermesh/telemetry'
import { createMemoryMesh, ManualClock, type MemoryMesh, type MemoryPeerNetwork } from '@layermesh/testkit'
import { BLOB_PROTOCOL } from '../../src/blob-frames.ts'
import { ScriptedProvider, type Script } from './scripted-provider.ts'

/** A node with an exchange. */
export interface ExchangeNode {
  readonly network: MemoryPeerNetwork
  readonly exchange: Exchange
  readonly provider: ScriptedProvider
  readonly metrics: PrometheusMetrics
}

/** Two nodes in different sites of a region, on one clock: `server` has content, `client` asks for it. */
export interface ExchangePair {
  readonly clock: ManualClock
  readonly mesh: MemoryMesh
  readonly client: ExchangeNode
  readonly server: ExchangeNode
  /** Gives content to the server; returns the request that gets it. */
  give(script: Script): TransferRequest
  /** How many transfers of the server have ended with `outcome`, as its metrics say. */
  transfers(outcome: string): Promise<number>
}

/** The link time-out of the pair. */
export const STALL_TIMEOUT_MS = 2000

export async function createExchangePair(init: ExchangeInit = {}): Promise<ExchangePair> {
  const clock = new ManualClock()
  const mesh = createMemoryMesh({ clock })
  const create = async (name: string): Promise<ExchangeNode> => {
    const network = mesh.join({ name, version: '1.0.0', locality: { region: 'eu', site: name } })
    const provider = new ScriptedProvider()
    const metrics = createMetrics()
    const exchange = createExchange({ network, clock, log: silentLog, metrics }, init)
    await exchange.serve(provider)
    return { network, exchange, provider, metrics }
  }
  const server = await create('server')
  return {
    clock,
    mesh,
    client: await create('client'),
    server,
    give(script) {
      const request = requestFor(script.bytes)
      server.provider.contents.set(request.ref.digest, script)
      return request
    },
    transfers: (outcome) => transfersOf(server.metrics, outcome),
  }
}

export function requestFor(bytes: Uint8Array): TransferRequest {
  return {
    ref: { kind: 'blob', upstream: 'docker.io', repository: 'library/nginx', digest: digestOf(bytes) },
  }
}

/** A node that speaks for itself, frame by frame, to an exchange that asks it. */
export async function createImpostor(
  serve: (stream: PeerStream) => Promise<void>,
  protocol = BLOB_PROTOCOL,
): Promise<{ readonly clock: ManualClock; readonly exchange: Exchange; readonly peer: PeerId }> {
  const clock = new ManualClock()
  const mesh = createMemoryMesh({ clock })
  const network = mesh.join({ name: 'client', version: '1.0.0', locality: { region: 'eu', site: 'a' } })
  const impostor = mesh.join({ name: 'impostor', version: '1.0.0', locality: { region: 'eu', site: 'b' } })
  await impostor.handle(protocol, serve)
  const exchange = createExchange({
    network,
    clock,
    log: silentLog,
    metrics: createMetrics(),
  })
  return { clock, exchange, peer: impostor.self.peer }
}

async function transfersOf(metrics: PrometheusMetrics, outcome: string): Promise<number> {
  const text = await metrics.text()
  const line = text
    .split('\n')
    .find((candidate) => candidate.startsWith(`layermesh_exchange_transfers_total{outcome="${outcome}"}`))
  return Number(line?.split(' ').at(-1))
}
