import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { runCommand } from '../support/run-command.ts'

/** Names of Docker Hub by which clients know it. All lead to this sandbox, which has no other network. */
export const HUB_NAMES = ['registry-1.docker.io', 'docker.io', 'index.docker.io', 'auth.docker.io'] as const

const HOSTS = `127.0.0.1 localhost ${HUB_NAMES.join(' ')}\n::1 localhost\n`

/**
 * Makes the sandbox that this process is in a place for clients: loopback, names, empty folders in place of this machine's sockets and
 * locks, and each of `roots` ready to change root to, with `dir` at the same path.
 */
export async function prepareSystem(roots: readonly string[], dir: string): Promise<void> {
  await runCommand('ip', ['link', 'set', 'lo', 'up'])
  const hosts = join(dir, 'hosts')
  await writeFile(hosts, HOSTS)
  await mount('--bind', hosts, '/etc/hosts')
  await mount('-t', 'tmpfs', 'tmpfs', '/run')
  await mount('-t', 'tmpfs', 'tmpfs', '/dev/shm')
  for (const root of roots.filter((each) => each !== '/')) await prepareRoot(root, hosts, dir)
}

async function prepareRoot(root: string, hosts: string, dir: string): Promise<void> {
  // dockerd changes how `/` is mounted, so there has to be a mount.
  await mount('--bind', root, root)
  await mount('-t', 'proc', 'proc', join(root, 'proc'))
  await mount('--rbind', '/sys', join(root, 'sys'))
  await mount('--rbind', '/dev', join(root, 'dev'))
  await mount('-t', 'tmpfs', 'tmpfs', join(root, 'run'))
  await mount('-t', 'tmpfs', 'tmpfs', join(root, 'tmp'))
  await mkdir(join(root, dir), { recursive: true })
  await mount('--bind', dir, join(root, dir))
  const hostsFile = join(root, 'etc', 'hosts')
  await stat(hostsFile).catch(() => writeFile(hostsFile, ''))
  await mount('--bind', hosts, hostsFile)
}

async function mount(...args: readonly string[]): Promise<void> {
  await runCommand('mount', args)
}
