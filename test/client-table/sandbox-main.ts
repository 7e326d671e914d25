import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { buildImage, buildIndex, type BuiltIndex, selfSigned, type ServerIdentity } from '@layermesh/testkit'

import type { ImageClient } from '../clients/image-client.ts'
import { CommandError } from '../support/run-command.ts'
import { type Cell, isImage, outcomeOf, type RequestCounts, type ScenarioName } from './cell.ts'
import { START_CLIENT } from './clients.ts'
import type { Plan, PlannedClient, SandboxLine } from './plan.ts'
import { HUB_NAMES, prepareSystem } from './sandbox-system.ts'
import { type PlannedPull, SCENARIO_BY_NAME, SMALL_LAYER_BYTES } from './scenarios.ts'
import { LOGIN, MIRROR_URL, openWorld, type World, type WorldInit } from './world.ts'

// The program in the sandbox: puts clients through scenarios, and writes what they did to standard output.

/** No client needs as long as this, on a machine however busy; some wait without end for what doesn't come. */
const PULL_TIMEOUT_MS = 300_000

/** How many clients pull at the same time: some of them spend their time on waiting. */
const CONCURRENT_PULLS = 3

interface RunningClient extends PlannedClient {
  readonly client: ImageClient
}

interface ClientPull extends PlannedPull {
  readonly running: RunningClient
}

async function main(planFile: string): Promise<void> {
  const plan = JSON.parse(await readFile(planFile, 'utf8')) as Plan
  const roots = [...new Set(plan.clients.map(({ root }) => root))]
  await prepareSystem(roots, plan.dir)
  const tls = await selfSigned(...HUB_NAMES)
  if (tls === undefined) throw new Error('needs openssl')
  const certFile = join(plan.dir, 'hub.pem')
  await writeFile(certFile, tls.cert)
  // Go's programs trust what is in it, and nothing else.
  process.env['SSL_CERT_FILE'] = certFile
  const clients = (await Promise.all(plan.clients.map((planned) => start(planned, plan.dir)))).flat()
  for (const scenario of plan.scenarios) await runScenario(scenario, clients, tls, plan.dir)
  await Promise.all(clients.map(({ client }) => client[Symbol.asyncDispose]()))
}

async function start(planned: PlannedClient, parent: string): Promise<RunningClient[]> {
  const dir = join(parent, slug(planned.name))
  await mkdir(dir)
  const launcher = planned.root === '/' ? [] : ['chroot', planned.root]
  try {
    return [
      { ...planned, client: await START_CLIENT[planned.kind]({ dir, mirrorUrl: MIRROR_URL, launcher }) },
    ]
  } catch (error) {
    say({ type: 'problem', client: planned.name, problem: messageOf(error) })
    return []
  }
}

async function runScenario(
  name: ScenarioName,
  clients: readonly RunningClient[],
  tls: ServerIdentity,
  parent: string,
): Promise<void> {
  const scenario = SCENARIO_BY_NAME[name]
  const pulls: ClientPull[] = []
  for (const running of clients) {
    const seed = SEEDS.next().value
    const image = await buildTestImage(seed, scenario.layerBytes ?? SMALL_LAYER_BYTES)
    pulls.push({ running, repository: `library/${slug(running.name)}-${name}`, image })
  }
  const groups = scenario.alone === true ? pulls.map((pull) => [pull]) : [pulls]
  for (const [index, group] of groups.entries()) {
    await runPulls(name, group, { dir: join(parent, `node-${name}-${index}`), tls })
  }
}

/** Has clients pull from one node. */
async function runPulls(
  name: ScenarioName,
  pulls: readonly ClientPull[],
  init: Pick<WorldInit, 'dir' | 'tls'>,
): Promise<void> {
  const scenario = SCENARIO_BY_NAME[name]
  const privateRepositories = scenario.isPrivate === true ? pulls.map(({ repository }) => repository) : []
  await using world = await openWorld({ ...init, privateRepositories })
  for (const { repository, image } of pulls) world.add(repository, image)
  await scenario.arrange(world, pulls)
  const queue = pulls.values()
  const work = async () => {
    for (const pull of queue) say({ type: 'cell', cell: await runPull(name, pull, world) })
  }
  await Promise.all(Array.from({ length: CONCURRENT_PULLS }, work))
}

async function runPull(
  scenarioName: ScenarioName,
  { running, repository, image }: ClientPull,
  world: World,
): Promise<Cell> {
  const { byDigest = false, isPrivate = false } = SCENARIO_BY_NAME[scenarioName]
  const reference = byDigest ? `@${image.manifest.descriptor.digest}` : ':v1'
  // Some of it may have been fetched to arrange things.
  const before = await world.counts(repository)
  const startedMs = performance.now()
  let error: string | undefined
  try {
    const digests = await running.client.pull(repository + reference, {
      login: isPrivate ? LOGIN : undefined,
      signal: AbortSignal.timeout(PULL_TIMEOUT_MS),
    })
    if (!isImage(digests, image)) error = `says that it has ${[...digests].join(', ')}`
  } catch (cause) {
    error = reasonOf(cause)
  }
  const durationMs = Math.round(performance.now() - startedMs)
  const after = await world.counts(repository)
  const counts = {
    mirror: difference(after.mirror, before.mirror),
    source: difference(after.source, before.source),
    registry: difference(after.registry, before.registry),
  }
  return {
    client: running.name,
    scenario: scenarioName,
    outcome: outcomeOf({ scenario: scenarioName, error, ...counts }),
    ...(error === undefined ? {} : { error }),
    durationMs,
    ...counts,
  }
}

function difference(after: RequestCounts, before: RequestCounts): RequestCounts {
  return {
    requests: after.requests - before.requests,
    succeeded: after.succeeded - before.succeeded,
    bytes: after.bytes - before.bytes,
  }
}

/** An image for this machine and for another: no two have a blob in common. */
async function buildTestImage(seed: number, layerBytes: number): Promise<BuiltIndex> {
  const own = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const other = own === 'amd64' ? 'arm64' : 'amd64'
  return buildIndex([
    await buildImage({
      seed,
      layerBytes: [SMALL_LAYER_BYTES, layerBytes],
      platform: { os: 'linux', architecture: own },
    }),
    await buildImage({ seed: -seed, layerBytes: [1024], platform: { os: 'linux', architecture: other } }),
  ])
}

function* countUp(): Generator<number, never> {
  for (let number = 1; ; number += 1) yield number
}

const SEEDS = countUp()

function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')
}

function say(line: SandboxLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Of all that a client says when it fails, the line that tells why: the last that has the word for it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof CommandError)) return messageOf(error)
  const lines = error.stderr.trim().split('\n')
  return lines.findLast((line) => /error|fatal|fail/i.test(line)) ?? lines.at(-1) ?? ''
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

// Standard input ends when whoever started the sandbox is no more. With this process, the first in it, everything ends.
process.stdin.resume().on('end', () => process.exit(1))
await main(process.argv[2] ?? '')
process.exit(0)
