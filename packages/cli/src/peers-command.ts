import type { PeerStatus } from '@layermesh/interface'
import type { Command } from 'commander'
import { askDaemon } from './admin-client.ts'
import { addAdminOptions, type AdminOptions } from './admin-options.ts'
import type { CliIo } from './cli-io.ts'
import { formatTable } from './table.ts'
import { formatBytes } from './units.ts'
import { writeAnswer } from './write-answer.ts'

const NO_PEERS =
  'no peers yet: nodes of the same local network find each other, others are named in mesh.bootstrap\n'

/** `layermesh peers`: the other members of the cluster, nearest first. */
export function addPeersCommand(program: Command, io: CliIo): void {
  const command = program.command('peers').description('show the other members of the cluster, nearest first')
  addAdminOptions(command)
    .addHelpText('after', "\nExamples:\n  layermesh peers\n  layermesh peers --json | jq '.[].name'")
    .action(async (options: AdminOptions) => {
      const peers = await askDaemon<readonly PeerStatus[]>('/api/v1/peers', options, io)
      writeAnswer(peers, peersText, options, io)
    })
}

/** The peers for people, in the order in which they come. */
export function peersText(peers: readonly PeerStatus[]): string {
  if (peers.length === 0) return NO_PEERS
  return formatTable(
    ['left', 'left', 'left', 'left', 'left', 'right', 'right', 'right', 'right', 'left', 'left'],
    [
      ['NAME', 'REGION', 'SITE', 'LINK', 'STATE', 'RTT', 'LOAD', 'BLOBS', 'HOLDS', 'VERSION', 'PEER ID'],
      ...peers.map((peer) => [
        peer.name,
        peer.region,
        peer.site,
        peer.link,
        peer.state ?? '-',
        peer.roundTripMs === null ? '-' : `${peer.roundTripMs.toFixed(1)} ms`,
        typeof peer.load === 'number' ? `${Math.round(peer.load * 100)} %` : '-',
        String(peer.holds.blobs),
        formatBytes(peer.holds.bytes),
        peer.version,
        peer.peerId,
      ]),
    ],
  )
}
