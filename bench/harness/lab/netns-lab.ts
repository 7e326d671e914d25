import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

import { runCommand } from '../../../test/support/run-command.ts'
import type { NetworkPlan, PlannedLink, PlannedPlace } from '../topology/network-plan.ts'
import { startDelayer, type Delayer } from './delayer-process.ts'
import type { Lab, LinkBytes } from './lab.ts'
import { fabricOf, lowerEnd, namespaceOf, netnsCommands, shape, upperDevice } from './netns-commands.ts'
import type { RunFolder } from './run-folder.ts'

interface DeviceStatistics {
  readonly ifname: string
  readonly stats64: { readonly rx: { readonly bytes: number }; readonly tx: { readonly bytes: number } }
}

/** Builds a network of namespaces, whose removal is the run folder's. Needs root, `ip` and `tc`. */
export async function buildNetnsLab(folder: RunFolder, plan: NetworkPlan): Promise<Lab> {
  const { name: run } = folder
  const fabric = fabricOf(run)
  const commands = netnsCommands(run, plan)
  await folder.recordNamespaces(commands.namespaces)
  await batch('ip', [], commands.ip)
  for (const [namespace, lines] of commands.ipIn) await batch('ip', ['-netns', namespace], lines)
  for (const [namespace, lines] of commands.tc) await batch('tc', ['-netns', namespace], lines)

  const launcherIn = (namespace: string) => ['nsenter', `--net=/run/netns/${namespace}`, '--']
  let delayer: Delayer | undefined
  if (commands.delayedLinks.length > 0) {
    delayer = await startDelayer(launcherIn(fabric), commands.delayedLinks)
    await batch('ip', ['-netns', fabric], commands.attachDelayed)
  }

  const places = [plan.upstream, ...plan.nodes, plan.centralCache, ...plan.siteCaches]
  const changed = new Set<PlannedLink>()
  const setRate = async (link: PlannedLink, rateBytesPerSecond: number | undefined) => {
    const ends = [{ namespace: fabric, device: upperDevice(plan, link) }, lowerEnd(run, plan, link)]
    for (const { namespace, device } of ends) {
      const line =
        rateBytesPerSecond === undefined
          ? `qdisc del dev ${device} root`
          : shape('replace', device, rateBytesPerSecond)
      await batch('tc', ['-netns', namespace], [line])
    }
  }

  const placeAt = (planned: PlannedPlace) => ({
    ...planned,
    launcher: launcherIn(namespaceOf(run, planned.name)),
  })
  return {
    mode: 'netns',
    notMeasured: [],
    plan,
    upstream: placeAt(plan.upstream),
    nodes: plan.nodes.map(placeAt),
    centralCache: placeAt(plan.centralCache),
    siteCaches: plan.siteCaches.map(placeAt),
    createDir: (name) => folder.createDir(name),
    portAt: (port) => port,
    linkBytes: async () => {
      delayer?.check()
      const { stdout } = await runCommand('ip', ['-netns', fabric, '-json', '-stats', 'link', 'show'])
      const devices = new Map((JSON.parse(stdout) as DeviceStatistics[]).map((one) => [one.ifname, one]))
      return plan.links.map((link) => bytesOf(link, devices.get(upperDevice(plan, link))))
    },
    shapes: true,
    async setRate(link, rateBytesPerSecond) {
      changed.add(link)
      await setRate(link, rateBytesPerSecond)
    },
    async reset() {
      for (const link of changed) await setRate(link, link.rateBytesPerSecond)
      changed.clear()
      // What TCP has learned of a path, it starts the next connection with.
      for (const { name } of places) {
        await batch('ip', ['-netns', namespaceOf(run, name)], ['tcp_metrics flush'])
      }
    },
    async [Symbol.asyncDispose]() {
      await delayer?.[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** What the upper end sends goes down; only from the upstream does content come up. */
function bytesOf(link: PlannedLink, device: DeviceStatistics | undefined): LinkBytes {
  const { rx, tx } = device?.stats64 ?? { rx: { bytes: 0 }, tx: { bytes: 0 } }
  const [content, back] = link.kind === 'upstream' ? [rx, tx] : [tx, rx]
  return { link: link.name, contentBytes: content.bytes, returnBytes: back.bytes }
}

async function batch(tool: 'ip' | 'tc', options: readonly string[], lines: readonly string[]): Promise<void> {
  const child = spawn(tool, [...options, '-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
  const closed = once(child, 'close')
  child.stdin.end(`${lines.join('\n')}\n`)
  const errors = await text(child.stderr)
  const [code] = (await closed) as [number | null]
  if (code !== 0) throw new Error(`${tool} could not build the network: ${errors.trim()}`)
}
