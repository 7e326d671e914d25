import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

// A program that looks like a node from outside: it reads a configuration, logs, and knows its peers, which it asks
// the first of them for. It says of every peer that it holds three blobs.

interface StubConfig {
  readonly node: { readonly name: string }
  readonly mesh: { readonly bootstrap: readonly string[] }
}

process.on('SIGTERM', () => process.exit(0))

const { values } = parseArgs({ options: { config: { type: 'string', default: '' } } })
const { mesh, node } = JSON.parse(await readFile(values.config, 'utf8')) as StubConfig
const peerId = `peer-${node.name}`
/** Where each peer is, by its id. */
const peers = new Map<string, string>()

const server = createServer((request, response) => {
  const [, kind, joining, address] = (request.url ?? '').split('/')
  if (kind === 'join' && joining !== undefined && address !== undefined) addPeer(joining, address)
  response.end(JSON.stringify(kind === 'api' ? peerStatuses() : [...peers]))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const self = `127.0.0.1:${(server.address() as AddressInfo).port}`

console.log('for people')
log('environment read', { settings: settingsInEnvironment() })
log('node started', {
  mirror: [self],
  admin: self,
  mesh: [`/ip4/127.0.0.1/tcp/${self.split(':')[1] ?? ''}/p2p/${peerId}`],
  peerId,
})
for (const multiaddr of mesh.bootstrap) {
  const [, , ip = '', , port = '', , first = ''] = multiaddr.split('/')
  for (const [peer, address] of [[first, `${ip}:${port}`] as const, ...(await join(`${ip}:${port}`))]) {
    if (peer === peerId) continue
    addPeer(peer, address)
    await join(address)
  }
}

async function join(address: string): Promise<[peer: string, address: string][]> {
  const response = await fetch(`http://${address}/join/${peerId}/${self}`)
  return (await response.json()) as [string, string][]
}

function addPeer(peer: string, address: string): void {
  if (peers.has(peer)) return
  peers.set(peer, address)
  log('peer joined', { peer })
}

function peerStatuses(): object[] {
  return [...peers.keys()].map((id) => ({ peerId: id, holds: { blobs: 3, bytes: 30 } }))
}

function settingsInEnvironment(): string[] {
  return Object.keys(process.env).filter((name) => name.startsWith('LAYERMESH_'))
}

function log(msg: string, fields: object): void {
  console.log(JSON.stringify({ level: 'info', ...fields, msg }))
}
