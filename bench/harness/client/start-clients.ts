import type { Lab } from '../lab/lab.ts'
import { missingTools } from '../../../test/support/missing-tools.ts'
import type { NodeClient } from './node-client.ts'
import { PullerProcess } from './puller-process.ts'
import { containerdClient, skopeoClient } from './real-clients.ts'

/** Real clients, and what they need; each takes one node, from the first on. */
const REAL_CLIENTS = [
  { tools: ['containerd', 'ctr'], start: containerdClient },
  { tools: ['skopeo'], start: skopeoClient },
]

/**
 * Starts a client at every node, ready to pull. With `real`, the first nodes get real ones, as far as they are installed and places have
 * networks of their own; all others get the built-in one.
 */
export async function startClients(lab: Lab, real: boolean): Promise<Map<string, NodeClient>> {
  const usable =
    real && lab.shapes ? REAL_CLIENTS.filter(({ tools }) => missingTools(tools).length === 0) : []
  const clients = new Map<string, NodeClient>()
  try {
    for (const [index, node] of lab.nodes.entries()) {
      const client = usable[index]
      clients.set(node.name, client === undefined ? new PullerProcess(node) : await client.start(lab, node))
    }
    for (const client of clients.values()) if (client instanceof PullerProcess) await client.ready
  } catch (error) {
    await stopClients(clients)
    throw error
  }
  return clients
}

export async function stopClients(clients: ReadonlyMap<string, NodeClient>): Promise<void> {
  await Promise.all(clients.values().map((client) => client[Symbol.asyncDispose]()))
}
