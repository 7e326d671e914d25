import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

// A program that looks like a node from outside: it reads a configuration, logs, and knows its peers, which it learns
// from the first of them. It says of every peer that it holds three blobs.

interface StubConfig {
  readonly node: { readonly name: string }
  readonly mesh: { readonly bootstrap: readonly string[] }
}

process.on('SIGTERM', () => process.exit(0))

const { values } = parseArgs({ options: { config: { type: 'string', default: '' } } })
const { mesh, node } = JSON.parse(await readFile(values.config, 'utf8')) as StubConfig
const peerId = `peer-${node.name}`
const roster = [peerId]
const rosterUrl = mesh.bootstrap.map((address) => `http://127.0.0.1:${address.split('/')[4] ?? ''}`)[0]

const server = createServer((request, response) => {
  const [, kind, joining] = (request.url ?? '').split('/')
  if (kind === 'join' && joining !== undefined) roster.push(joining)
  void answer(kind).then((value) => response.end(JSON.stringify(value)))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
if (rosterUrl !== undefined) await fetch(`${rosterUrl}/join/${peerId}`)

const { port } = server.address() as AddressInfo
const admin = `127.0.0.1:${port}`
const started = { mirror: [admin], admin, mesh: [`/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}`], peerId }
console.log('for people')
console.log(JSON.stringify({ level: 'info', settings: settingsInEnvironment(), msg: 'environment read' }))
console.log(JSON.stringify({ level: 'info', ...started, msg: 'node started' }))

async function answer(kind: string | undefined): Promise<unknown> {
  if (kind !== 'api') return roster
  const known =
    rosterUrl === undefined ? roster : ((await (await fetch(`${rosterUrl}/roster`)).json()) as string[])
  return known.filter((id) => id !== peerId).map((id) => ({ peerId: id, holds: { blobs: 3, bytes: 30 } }))
}

function settingsInEnvironment(): string[] {
  return Object.keys(process.env).filter((name) => name.startsWith('LAYERMESH_'))
}
