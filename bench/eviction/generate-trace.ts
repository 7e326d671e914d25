import { seededRandom } from '@layermesh/testkit'

import { Catalog } from '../support/catalog.ts'
import {
  exponential,
  logNormal,
  oneOf,
  shuffled,
  wholeNumber,
  zipf,
  type Random,
} from '../support/distributions.ts'
import type { Pull, Trace, TraceImage } from '../support/trace.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** How skewed popularity is: the k-th most popular image is wanted about 1/k as often as the first. */
const ZIPF_EXPONENT = 0.9
const BASES = 30
const TOOLCHAINS = 12
const SERVICES = 250
/** Services that a site runs on a day, and how many of them it still runs the next day. */
const WORKING_SET = 30
const STAYS_IN_WORKING_SET = 0.85
/** A base image is rebuilt for security fixes about this often. */
const BASE_REBUILD_MS = 20 * DAY_MS
/** Half of the services release more often than this. */
const MEDIAN_RELEASE_MS = 4 * DAY_MS

export interface TraceInit {
  readonly seed: number
  readonly days: number
  /** How many nodes each site has; nodes are numbered site by site. */
  readonly sites: readonly number[]
  /** Pulls of a node on a day, roll-outs of new releases not counted. */
  readonly pullsPerNodeAndDay: number
}

/** An image with versions: each shares layers with the one before. */
interface Lineage {
  /** Layers of the newest version, the lowest first. */
  layers: readonly number[]
}

interface Service {
  readonly base: Lineage
  readonly releaseEveryMs: number
  baseLayers: readonly number[]
  dependencies: readonly number[]
  current: TraceImage
  previous: TraceImage
}

interface Site {
  readonly nodes: readonly number[]
  /** Services from the most popular in this site to the least. */
  readonly taste: readonly Service[]
  workingSet: readonly Service[]
}

/** Draws one of several, which are ordered by popularity. */
type Popular = <T>(values: readonly T[]) => T

/** Something that happens at a time and may change what is pulled later. */
interface Happening {
  readonly atMs: number
  happen(): void
}

/**
 * Makes a trace of a cluster that runs services and CI. The same `init` gives the same trace on every machine.
 *
 * - Services are built on shared base images, and released again and again: a release has new layers of its own, often the
 *   dependency layers of the release before, and mostly the same base. Bases are rebuilt now and then.
 * - Each site runs a working set of services that changes slowly from day to day, and has its own favourites. A new
 *   release of what it runs is rolled out to its nodes within an hour. Nodes pull again what they run (new
 *   machines, cleaned disks), sometimes the release before, and rarely anything else.
 * - A third of the pulls are CI: a popular toolchain image, and an image with layers on top of it that
 *   is pulled once or twice within an hour and never again.
 * - Twice as much happens at noon as at midnight.
 */
export function generateTrace({ seed, days, sites, pullsPerNodeAndDay }: TraceInit): Trace {
  const random = seededRandom(seed)
  const popular = zipf(random, ZIPF_EXPONENT)
  const catalog = new Catalog(random, `trace-${seed}`)
  const endMs = days * DAY_MS
  const happenings: Happening[] = []
  const pulls: Pull[] = []

  const bases = lineages(BASES, () => catalog.layers(2, 5))
  const toolchains = lineages(TOOLCHAINS, () => [...popular(bases).layers, ...catalog.layers(2, 5)])
  const toolchainImages = new Map(toolchains.map((lineage) => [lineage, catalog.image(lineage.layers)]))
  const services = Array.from({ length: SERVICES }, () => newService(random, catalog, popular(bases)))
  const siteList = newSites(random, popular, sites, services)

  for (const base of bases) {
    repeatedly(random, endMs, BASE_REBUILD_MS, (atMs) =>
      happenings.push({ atMs, happen: () => (base.layers = catalog.layers(2, 5)) }),
    )
  }
  for (const service of services) {
    repeatedly(random, endMs, service.releaseEveryMs, (atMs) =>
      happenings.push({
        atMs,
        happen() {
          release(random, catalog, service)
          rollOut(random, siteList, service, atMs, pulls)
        },
      }),
    )
  }
  for (let atMs = DAY_MS; atMs < endMs; atMs += DAY_MS) {
    happenings.push({
      atMs,
      happen: () => siteList.forEach((site) => changeWorkingSet(random, popular, site)),
    })
  }
  for (const site of siteList) {
    for (const node of site.nodes) {
      for (let day = 0; day < days; day++) {
        for (let count = 0; count < pullsPerNodeAndDay; count++) {
          const atMs = (day + timeOfDay(random)) * DAY_MS
          happenings.push({ atMs, happen: () => pullSomething(site, node, atMs) })
        }
      }
    }
  }

  for (const happening of happenings.toSorted((a, b) => a.atMs - b.atMs)) happening.happen()
  const inTime = pulls.toSorted((a, b) => a.atMs - b.atMs)
  return { blobs: catalog.blobs, pulls: inTime, uniqueBytes: uniqueBytesOf(inTime, catalog) }

  function pullSomething(site: Site, node: number, atMs: number): void {
    const kind = random()
    if (kind < 1 / 3) {
      runCi(site, node, atMs)
    } else if (kind < 0.9) {
      const service = popular(site.workingSet)
      pulls.push({ atMs, node, image: random() < 0.85 ? service.current : service.previous })
    } else {
      pulls.push({ atMs, node, image: popular(site.taste).current })
    }
  }

  function runCi(site: Site, node: number, atMs: number): void {
    const toolchain = popular(toolchains)
    const image = toolchainImages.get(toolchain)
    if (image !== undefined) pulls.push({ atMs, node, image })
    const built = catalog.image([...toolchain.layers, ...catalog.layers(1, 4)])
    pulls.push({ atMs: atMs + wholeNumber(random, 1, 20) * 60_000, node, image: built })
    if (random() < 0.3) {
      pulls.push({ atMs: atMs + HOUR_MS / 2, node: oneOf(random, site.nodes), image: built })
    }
  }
}

function lineages(count: number, layers: () => readonly number[]): Lineage[] {
  return Array.from({ length: count }, () => ({ layers: layers() }))
}

function newService(random: Random, catalog: Catalog, base: Lineage): Service {
  const dependencies = catalog.layers(1, 4)
  const current = catalog.image([...base.layers, ...dependencies, ...catalog.layers(1, 4)])
  const releaseEveryMs = logNormal(random, MEDIAN_RELEASE_MS, 1)
  return { base, releaseEveryMs, baseLayers: base.layers, dependencies, current, previous: current }
}

function release(random: Random, catalog: Catalog, service: Service): void {
  const rebased = service.baseLayers !== service.base.layers && random() < 0.5
  if (rebased) service.baseLayers = service.base.layers
  // Layers lie on each other: what is above a changed one is new as well.
  if (rebased || random() < 0.2) service.dependencies = catalog.layers(1, 4)
  service.previous = service.current
  service.current = catalog.image([...service.baseLayers, ...service.dependencies, ...catalog.layers(1, 4)])
}

function rollOut(
  random: Random,
  sites: readonly Site[],
  service: Service,
  atMs: number,
  pulls: Pull[],
): void {
  for (const { nodes, workingSet } of sites) {
    if (!workingSet.includes(service)) continue
    for (const node of nodes) {
      if (random() < 0.7) pulls.push({ atMs: atMs + random() * HOUR_MS, node, image: service.current })
    }
  }
}

function newSites(
  random: Random,
  popular: Popular,
  sizes: readonly number[],
  services: readonly Service[],
): Site[] {
  let nextNode = 0
  return sizes.map((size) => {
    const nodes = Array.from({ length: size }, () => nextNode++)
    // Half of the ranks are everybody's, half are shuffled: sites differ in what they like.
    const own = shuffled(random, services)
    const rank = new Map(
      services.map((service, index) => [service, index + 2 * own.indexOf(service) * random()]),
    )
    const taste = services.toSorted((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0))
    const site: Site = { nodes, taste, workingSet: [] }
    changeWorkingSet(random, popular, site)
    return site
  })
}

function changeWorkingSet(random: Random, popular: Popular, site: Site): void {
  const set = new Set(site.workingSet.filter(() => random() < STAYS_IN_WORKING_SET))
  while (set.size < Math.min(WORKING_SET, site.taste.length)) set.add(popular(site.taste))
  site.workingSet = [...set]
}

/** Calls `on` at the times of a Poisson process. */
function repeatedly(random: Random, endMs: number, everyMs: number, on: (atMs: number) => void): void {
  for (let atMs = exponential(random, everyMs); atMs < endMs; atMs += exponential(random, everyMs)) on(atMs)
}

/** A part of a day, from 0 to 1; noon is twice as likely as midnight. */
function timeOfDay(random: Random): number {
  for (;;) {
    const time = random()
    if (random() < (3 - Math.cos(2 * Math.PI * time)) / 4) return time
  }
}

function uniqueBytesOf(pulls: readonly Pull[], { blobs }: Catalog): number {
  const pulled = new Set(pulls.flatMap(({ image }) => image))
  return [...pulled].reduce((sum, blob) => sum + (blobs[blob]?.sizeBytes ?? 0), 0)
}
