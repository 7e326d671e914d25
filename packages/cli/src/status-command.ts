import { BYTE_SOURCES, type NodeStatus, type UpstreamStatus } from '@layermesh/interface'
import type { Command } from 'commander'
import { askDaemon } from './admin-client.ts'
import { addAdminOptions, type AdminOptions } from './admin-options.ts'
import type { CliIo } from './cli-io.ts'
import { formatTable } from './table.ts'
import { formatBytes, formatSeconds } from './units.ts'
import { writeAnswer } from './write-answer.ts'

/** `layermesh status`: what the node on this machine is, has and did. */
export function addStatusCommand(program: Command, io: CliIo): void {
  const command = program.command('status').description('show what the node on this machine is, has and did')
  addAdminOptions(command)
    .addHelpText('after', '\nExamples:\n  layermesh status\n  layermesh status --json | jq .bytes.served')
    .action(async (options: AdminOptions) => {
      const status = await askDaemon<NodeStatus>('/api/v1/status', options, io)
      writeAnswer(status, statusText, options, io)
    })
}

/** The status for people: the facts, then bytes by where they came from or went to. */
export function statusText(status: NodeStatus): string {
  const facts = formatTable(['left', 'left'], factsOf(status))
  const traffic = formatTable(['left', ...BYTE_SOURCES.map(() => 'right' as const)], trafficOf(status))
  const upstreams = upstreamsOf(status)
  const notable = upstreams.length === 0 ? '' : `\n${formatTable(['left', 'left', 'left'], upstreams)}`
  return `${facts}\n${traffic}${notable}`
}

// Upstreams of which there is nothing to say would hide the others.
function upstreamsOf({ upstreams = [] }: NodeStatus): readonly (readonly string[])[] {
  return upstreams.flatMap(({ host, endpoints }) =>
    endpoints
      .filter(({ state, quota }) => state !== 'answers' || quota !== null)
      .map(({ name, state, quota }) => [`upstream ${host}`, name, `${STATES[state]}${quotaText(quota)}`]),
  )
}

const STATES: Readonly<Record<UpstreamStatus['endpoints'][number]['state'], string>> = {
  answers: 'answers',
  'left-alone': 'left alone after failures',
  'on-trial': 'tried again after failures',
  'asked-last': 'asked last, since its bodies break off',
}

function quotaText(quota: UpstreamStatus['endpoints'][number]['quota']): string {
  if (quota === null) return ''
  const window = quota.windowSeconds === null ? '' : ` in ${formatSeconds(quota.windowSeconds)}`
  return `; ${quota.remaining} of ${quota.limit} pulls${window} left`
}

function factsOf({ node, mirror, mesh, cache }: NodeStatus): readonly (readonly string[])[] {
  const members = mesh.members === 1 ? '1 other member' : `${mesh.members} other members`
  const admission = mesh.authenticated ? 'members prove a secret' : 'open to whoever can reach it'
  return [
    ['node', `${node.name}, layermesh ${node.version}`],
    ['peer id', node.peerId],
    ['place', `region ${node.region}, site ${node.site}`],
    ['up', `${formatSeconds(node.uptimeSeconds)}, since ${node.startedAt}`],
    ['mirror', mirror.listen.join(', ')],
    ['mesh', `${members}; ${admission}`],
    ...mesh.listen.map((address) => ['', address]),
    ['cache', `${formatBytes(cache.bytes)} in ${cache.blobs} blobs, ${cache.fills} being filled`],
  ]
}

function trafficOf({ bytes }: NodeStatus): readonly (readonly string[])[] {
  const row = (title: string, amounts: Readonly<Record<string, number>>) => [
    title,
    ...BYTE_SOURCES.map((source) => {
      const amount = amounts[source]
      return amount === undefined ? '' : formatBytes(amount)
    }),
  ]
  return [
    ['bytes', ...BYTE_SOURCES],
    row('served to clients from', bytes.served),
    row('fetched from', bytes.fetched),
    row('sent to peers in', bytes.sent),
  ]
}
