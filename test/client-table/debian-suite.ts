import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { missingTools } from '../support/missing-tools.ts'
import { launchCommand, runCommand } from '../support/run-command.ts'

/** Where clients come from. */
export type DebianSuite = 'bookworm' | 'trixie' | 'sid'

/** The suite that this machine is of; undefined if it doesn't run Debian. */
export function hostSuite(): string | undefined {
  if (!existsSync(OS_RELEASE)) return undefined
  const text = readFileSync(OS_RELEASE, 'utf8')
  return /^ID=debian$/m.test(text) ? /^VERSION_CODENAME=(\w+)$/m.exec(text)?.[1] : undefined
}

/** What a system says of itself (os-release(5)). */
const OS_RELEASE = '/etc/os-release'

/** Keeps the daemons of packages from being started when they are installed. */
const POLICY_FILE = 'usr/sbin/policy-rc.d'
const POLICY = '#!/bin/sh\nexit 101\n'

/** A system of one suite that programs can be run in. */
export interface SuiteRoot {
  /** Its root folder; `/` when it is this machine itself. */
  readonly path: string
  /**
   * Makes sure that a package is there, and resolves with its version. This machine itself is left as it is. Rejects when the package
   * isn't there and can't be had.
   */
  install(packageName: string): Promise<string>
}

/** Options of {@link openSuite}. */
export interface OpenSuiteOptions {
  /** Called with each step that takes long, in words. */
  readonly onStep: (text: string) => void
  /** Ends what is being made or installed. */
  readonly signal: AbortSignal
}

/**
 * Opens a suite: this machine, if it is of that suite, or else a system of its own in the user's cache folder, which is made the first time and
 * kept. Rejects when that can't be done.
 */
export async function openSuite(suite: DebianSuite, options: OpenSuiteOptions): Promise<SuiteRoot> {
  const { onStep, signal } = options
  if (suite === hostSuite()) return { path: '/', install: (packageName) => installedVersion(packageName) }
  const path = join(cacheFolder(), suite)
  if (!existsSync(path)) await bootstrap(suite, path, options)
  let updated = false
  const chroot = ['chroot', path]
  return {
    path,
    async install(packageName) {
      const known = await findVersion(packageName, chroot)
      if (known !== undefined) return known
      onStep(`${suite}: installing ${packageName}`)
      const unshare = ['unshare', '--mount', '--pid', '--fork', '--kill-child']
      const launcher = ['nice', ...unshare, `--mount-proc=${join(path, 'proc')}`, ...chroot]
      const apt = (...args: string[]) =>
        launchCommand(launcher, ['apt-get', '-qq', ...args], {
          env: { DEBIAN_FRONTEND: 'noninteractive' },
          signal,
        })
      if (!updated) await apt('update')
      updated = true
      await apt('install', '--yes', '--no-install-recommends', packageName)
      return installedVersion(packageName, chroot)
    },
  }
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'layermesh', 'clients')
}

async function bootstrap(
  suite: DebianSuite,
  path: string,
  { onStep, signal }: OpenSuiteOptions,
): Promise<void> {
  const missing = missingTools(['debootstrap'])
  if (missing.length > 0) throw new Error('needs Debian package debootstrap')
  onStep(`${suite}: making a system in ${path}`)
  // Under another name until it is complete.
  const part = `${path}.part`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { recursive: true })
  const options = ['--variant=minbase', '--include=ca-certificates']
  await runCommand('nice', ['debootstrap', ...options, suite, part, ...(await archives())], { signal })
  await writeFile(join(part, POLICY_FILE), POLICY)
  await chmod(join(part, POLICY_FILE), 0o755)
  await rename(part, path)
}

/** Where this machine gets its own Debian packages; empty when its apt doesn't say, and debootstrap takes its own default. */
async function archives(): Promise<readonly string[]> {
  const filter = ['Created-By: Packages', 'Origin: Debian', 'Component: main']
  const { stdout } = await runCommand('apt-get', ['indextargets', '--format', '$(REPO_URI)', ...filter])
  return stdout
    .split('\n')
    .filter((uri) => uri !== '' && !uri.includes('security'))
    .slice(0, 1)
}

async function installedVersion(packageName: string, launcher: readonly string[] = []): Promise<string> {
  const version = await findVersion(packageName, launcher)
  if (version === undefined) throw new Error(`needs Debian package ${packageName}`)
  return version
}

/** The upstream's part of the version of a package that is installed. */
async function findVersion(packageName: string, launcher: readonly string[]): Promise<string | undefined> {
  const format = '${db:Status-Status} ${Version}'
  const query = ['dpkg-query', '--show', `--showformat=${format}`, packageName]
  // It exits with 1 when it has never heard of the package.
  const { stdout } = await launchCommand(launcher, query).catch(() => ({ stdout: '' }))
  return /^installed (?:\d+:)?(\d[\d.]*\d)/.exec(stdout)?.[1]
}
