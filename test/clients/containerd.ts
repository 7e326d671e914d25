import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { launchCommand } from '../support/run-command.ts'

/** Works where overlay mounts don't, as in a container. */
const SNAPSHOTTER = 'native'

/** A containerd of its own, with no trace outside its folder; disposing of it stops it. */
export interface Containerd extends AsyncDisposable {
  /** `ctr images pull --hosts-dir`: pulls for this machine's platform and unpacks. `login` is `name:password`. */
  pull(
    reference: string,
    hostsDir: string,
    options?: { readonly login?: string | undefined; readonly signal?: AbortSignal },
  ): Promise<void>
  /** Digests of all content that has been pulled. */
  contentDigests(): Promise<Set<string>>
  /** Digest that an image's name points to. */
  imageDigest(reference: string): Promise<string | undefined>
  remove(reference: string): Promise<void>
}

/**
 * Starts containerd with its files under `dir`. `launcher` is put before its command and before those of its clients, as
 * `nsenter …` is to run them in a network namespace.
 */
export async function startContainerd(dir: string, launcher: readonly string[] = []): Promise<Containerd> {
  const socket = join(dir, 'containerd.sock')
  const configFile = join(dir, 'containerd.toml')
  await mkdir(dir, { recursive: true })
  await writeFile(
    configFile,
    [
      'version = 2',
      `root = "${join(dir, 'root')}"`,
      `state = "${join(dir, 'state')}"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
      `[grpc]`,
      `  address = "${socket}"`,
      // From 2.0 on the daemon fetches and unpacks, and wants to be told for which platform.
      '[[plugins."io.containerd.transfer.v1.local".unpack_config]]',
      `  platform = "linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}"`,
      `  snapshotter = "${SNAPSHOTTER}"`,
      '',
    ].join('\n'),
  )
  const [command, ...args] = [...launcher, 'containerd', '--config', configFile, '--log-level', 'info']
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close')
  const serving = Promise.withResolvers<undefined>()
  void ended.then(() => serving.reject(new Error('containerd has ended')))
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.includes('containerd successfully booted')) serving.resolve(undefined)
  })
  await serving.promise
  // Up to 1.7 the client fetches, not the daemon.
  const ctr = async (args: readonly string[], signal?: AbortSignal) =>
    (await launchCommand(launcher, ['ctr', '--address', socket, ...args], { signal })).stdout
  return {
    async pull(reference, hostsDir, { login, signal } = {}) {
      const options = ['--hosts-dir', hostsDir, '--snapshotter', SNAPSHOTTER]
      if (login !== undefined) options.push('--user', login)
      await ctr(['images', 'pull', ...options, reference], signal)
    },
    async contentDigests() {
      return new Set((await ctr(['content', 'ls', '--quiet'])).split('\n').filter((line) => line !== ''))
    },
    async imageDigest(reference) {
      const line = (await ctr(['images', 'ls'])).split('\n').find((row) => row.startsWith(`${reference} `))
      return line?.split(/\s+/)[2]
    },
    async remove(reference) {
      await ctr(['images', 'rm', '--sync', reference])
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    },
  }
}
