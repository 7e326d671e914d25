import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { startContainerd } from '../../../test/clients/containerd.ts'
import { skopeoPull } from '../../../test/clients/containers-image.ts'
import { UPSTREAM_HOST } from '../contenders/contender.ts'
import type { Lab, Place } from '../lab/lab.ts'
import type { ClientPull, NodeClient } from './node-client.ts'
import type { PullOutcome } from './pull-outcome.ts'

/** containerd on a node, with `ctr`, which fetches and unpacks. */
export async function containerdClient(lab: Lab, node: Place): Promise<NodeClient> {
  const dir = await lab.createDir(`${node.name}-containerd`)
  const containerd = await startContainerd(dir, node.launcher)
  return {
    name: 'containerd',
    pull: (pull) =>
      timed(pull, async () => {
        const hostsDir = join(dir, 'hosts')
        const hostDir = join(hostsDir, UPSTREAM_HOST)
        await mkdir(hostDir, { recursive: true })
        const hosts = [...(pull.mirror === undefined ? [] : [pull.mirror]), pull.upstream]
        // A `server` alone would be asked by HTTPS.
        await writeFile(join(hostDir, 'hosts.toml'), hosts.map(hostToml).join(''))
        await containerd.pull(referenceOf(pull), hostsDir)
        const held = await containerd.contentDigests()
        return pull.image.contents.filter(({ digest }) => held.has(digest)).length
      }),
    async [Symbol.asyncDispose]() {
      await containerd[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** `skopeo copy` on a node, into a folder that it keeps. */
export async function skopeoClient(lab: Lab, node: Place): Promise<NodeClient> {
  const dir = await lab.createDir(`${node.name}-skopeo`)
  return {
    name: 'skopeo',
    pull: (pull) =>
      timed(pull, async () => {
        const registriesConf = join(dir, 'registries.conf')
        await writeFile(registriesConf, registriesToml(pull))
        const held = await skopeoPull(referenceOf(pull), { dir, registriesConf, launcher: node.launcher })
        return pull.image.contents.filter(({ digest }) => held.has(digest)).length
      }),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

async function timed(pull: ClientPull, run: () => Promise<number>): Promise<PullOutcome> {
  pull.signal.throwIfAborted()
  const startedMs = performance.now()
  const startedAtMs = performance.timeOrigin + startedMs
  try {
    const verifiedDigests = await run()
    const durationMs = performance.now() - startedMs
    return { startedAtMs, durationMs, bytes: pull.image.uniqueBytes, verifiedDigests }
  } catch (cause) {
    const error = cause instanceof Error ? cause.message : String(cause)
    return { startedAtMs, durationMs: performance.now() - startedMs, bytes: 0, verifiedDigests: 0, error }
  }
}

function referenceOf({ image }: ClientPull): string {
  return `${UPSTREAM_HOST}/${image.repository}:${image.tag}`
}

function hostToml(url: string): string {
  return `[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`
}

function registriesToml({ mirror, upstream }: ClientPull): string {
  const lines = [
    '[[registry]]',
    `prefix = "${UPSTREAM_HOST}"`,
    `location = "${new URL(upstream).host}"`,
    'insecure = true',
  ]
  if (mirror !== undefined) {
    lines.push('[[registry.mirror]]', `location = "${new URL(mirror).host}"`, 'insecure = true')
  }
  return `${lines.join('\n')}\n`
}
