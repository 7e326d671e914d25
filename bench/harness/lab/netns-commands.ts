import type { NetworkPlan, PlannedLink } from '../topology/network-plan.ts'
import type { DelayedLink } from './delayer-process.ts'

/** How long a queue in front of a slow link may get before it drops, as that of a home router does. */
const MAX_QUEUE_MS = 200

/** A link sends so much at once before its rate counts: more than one segment of 64 KiB, which would be cut up otherwise. */
const MIN_BURST_BYTES = 128 * 1024
const BURST_MS = 10

/** What `ip` and `tc` are told to build a network, line by line for `-batch`. */
export interface NetnsCommands {
  readonly namespaces: readonly string[]
  /** For `ip -batch`, in the machine's own namespace. */
  readonly ip: readonly string[]
  /** For `tc -batch`, by namespace. */
  readonly tc: ReadonlyMap<string, readonly string[]>
  /** For `ip -batch`, by namespace, after the first. */
  readonly ipIn: ReadonlyMap<string, readonly string[]>
  /** What the delayer has to be told; it runs in the fabric. */
  readonly delayedLinks: readonly DelayedLink[]
  /** For `ip -batch` in the fabric, once the delayer's devices are there. */
  readonly attachDelayed: readonly string[]
}

/** The name of a link's upper end, a device of the fabric. */
export function upperDevice(plan: NetworkPlan, link: PlannedLink): string {
  return `up${plan.links.indexOf(link)}`
}

/** The namespace with all switches. */
export function fabricOf(run: string): string {
  return `${run}-fabric`
}

/** The namespace of a place. */
export function namespaceOf(run: string, place: string): string {
  return `${run}-${place}`
}

/** Where the lower end of a link is, and what it is called. */
export function lowerEnd(run: string, plan: NetworkPlan, link: PlannedLink) {
  return plan.switches.includes(link.lower)
    ? { namespace: fabricOf(run), device: `down${plan.links.indexOf(link)}` }
    : { namespace: namespaceOf(run, link.lower), device: 'eth0' }
}

/**
 * Plans one namespace for each place and one, the fabric, with a bridge for each switch; links are veth pairs. All places are in
 * one subnet, and no namespace has a way to the machine's own network. The upper end of a delayed link is on a bridge of its own, and the
 * delayer is the way from there to the switch.
 */
export function netnsCommands(run: string, plan: NetworkPlan): NetnsCommands {
  const fabric = fabricOf(run)
  const places = [plan.upstream, ...plan.nodes, plan.centralCache, ...plan.siteCaches]
  const namespaces = [fabric, ...places.map(({ name }) => namespaceOf(run, name))]
  const bridge = (name: string) => `br${plan.switches.indexOf(name)}`
  const tc = new Map<string, string[]>()
  const ipIn = new Map<string, string[]>(namespaces.map((name) => [name, ['link set lo up']]))
  const inNamespace = (commands: Map<string, string[]>, namespace: string, lines: readonly string[]) =>
    commands.set(namespace, [...(commands.get(namespace) ?? []), ...lines])

  const delayedLinks: DelayedLink[] = []
  const attachDelayed: string[] = []
  const ip = namespaces.map((name) => `netns add ${name}`)
  inNamespace(
    ipIn,
    fabric,
    plan.switches.flatMap((name) => [`link add ${bridge(name)} type bridge`, `link set ${bridge(name)} up`]),
  )
  for (const link of plan.links) {
    const upper = upperDevice(plan, link)
    const lower = lowerEnd(run, plan, link)
    ip.push(`link add ${upper} netns ${fabric} type veth peer name ${lower.device} netns ${lower.namespace}`)
    if (link.delayMs === 0) {
      inNamespace(ipIn, fabric, [`link set ${upper} master ${bridge(link.upper)} up`])
    } else {
      const index = plan.links.indexOf(link)
      const own = `mid${index}`
      const devices = [`near${index}`, `far${index}`] as const
      inNamespace(ipIn, fabric, [
        `link add ${own} type bridge`,
        `link set ${own} up`,
        `link set ${upper} master ${own} up`,
      ])
      delayedLinks.push({ devices, delayMs: link.delayMs })
      attachDelayed.push(
        `link set ${devices[0]} master ${own} up`,
        `link set ${devices[1]} master ${bridge(link.upper)} up`,
      )
    }
    if (plan.switches.includes(link.lower)) {
      inNamespace(ipIn, fabric, [`link set ${lower.device} master ${bridge(link.lower)} up`])
    }
    if (link.rateBytesPerSecond === undefined) continue
    inNamespace(tc, fabric, [shape('add', upper, link.rateBytesPerSecond)])
    inNamespace(tc, lower.namespace, [shape('add', lower.device, link.rateBytesPerSecond)])
  }
  for (const { name, address } of places) {
    inNamespace(ipIn, namespaceOf(run, name), [`address add ${address}/8 dev eth0`, 'link set eth0 up'])
  }
  return { namespaces, ip, ipIn, tc, delayedLinks, attachDelayed }
}

/** A line for `tc` that gives a device a rate to send at. */
export function shape(verb: 'add' | 'replace', device: string, rateBytesPerSecond: number): string {
  const burst = Math.ceil(Math.max(MIN_BURST_BYTES, (rateBytesPerSecond * BURST_MS) / 1000))
  const rate = Math.round(rateBytesPerSecond * 8)
  return `qdisc ${verb} dev ${device} root tbf rate ${rate}bit burst ${burst} latency ${MAX_QUEUE_MS}ms`
}
