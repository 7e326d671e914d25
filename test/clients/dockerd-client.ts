import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { deployFile } from '../support/deploy-file.ts'
import { launchCommand } from '../support/run-command.ts'
import type { ClientLogin, ImageClient, ImageClientInit } from './image-client.ts'

/** The key of Docker Hub in Docker's config.json. */
const HUB_LOGIN_KEY = 'https://index.docker.io/v1/'

/** How much of what a daemon writes is kept to say why it has ended, in lines. */
const KEPT_LINES = 5

/** The part of `docker image inspect` that says which image it is. */
interface InspectedImage {
  readonly Id: string
  readonly RepoDigests: readonly string[]
}

/** Docker with the daemon.json of `deploy/` and its own image store. */
export function dockerdClient(init: ImageClientInit): Promise<ImageClient> {
  return startDockerd(init, { 'storage-driver': 'vfs' })
}

/** Docker with the daemon.json of `deploy/` and containerd's image store, which versions before 24 don't have. */
export function dockerdContainerdStoreClient(init: ImageClientInit): Promise<ImageClient> {
  return startDockerd(init, { 'storage-driver': 'native', features: { 'containerd-snapshotter': true } })
}

/** Storage drivers are those that work on any file system, as overlay mounts don't in a container. */
async function startDockerd(init: ImageClientInit, settings: object): Promise<ImageClient> {
  const { dir, mirrorUrl, launcher = [] } = init
  const configFile = join(dir, 'daemon.json')
  const deployed = JSON.parse(await deployFile('docker/daemon.json', mirrorUrl)) as object
  await writeFile(configFile, JSON.stringify({ ...deployed, ...settings }))
  const host = `unix://${join(dir, 'docker.sock')}`
  const files = ['--config-file', configFile, '--data-root', join(dir, 'data')]
  const state = ['--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'docker.pid')]
  // Pulls need no network for containers, and tests should leave this machine's alone.
  const network = ['--bridge', 'none', '--iptables=false', '--ip6tables=false']
  const [command = '', ...args] = [...launcher, 'dockerd', '--host', host, ...files, ...state, ...network]
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  const serving = Promise.withResolvers<undefined>()
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (lines.push(line) > KEPT_LINES) lines.shift()
    if (line.includes('API listen on')) serving.resolve(undefined)
  })
  void ended.then(
    () => serving.reject(new Error(`dockerd has ended: ${lines.join('\n')}`)),
    // There is no such program, or no such launcher.
    (error: unknown) => serving.reject(error as Error),
  )
  await serving.promise

  const docker = async (configDir: string, args: readonly string[], signal?: AbortSignal) => {
    const options = ['--host', host, '--config', configDir]
    return (await launchCommand(launcher, ['docker', ...options, ...args], { signal })).stdout
  }
  return {
    async pull(image, { login, signal }) {
      const configDir = await writeDockerConfig(dir, login)
      await docker(configDir, ['pull', '--quiet', `docker.io/${image}`], signal)
      const inspected = await docker(configDir, ['image', 'inspect', `docker.io/${image}`], signal)
      const [{ Id, RepoDigests }] = JSON.parse(inspected) as [InspectedImage]
      return new Set([Id, ...RepoDigests.map((name) => name.slice(name.indexOf('@') + 1))])
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    },
  }
}

async function writeDockerConfig(dir: string, login: ClientLogin | undefined): Promise<string> {
  const configDir = join(dir, login === undefined ? 'nobody' : login.username)
  await mkdir(configDir, { recursive: true })
  const auth = login && Buffer.from(`${login.username}:${login.password}`).toString('base64')
  const config = auth === undefined ? {} : { auths: { [HUB_LOGIN_KEY]: { auth } } }
  await writeFile(join(configDir, 'config.json'), JSON.stringify(config))
  return configDir
}
