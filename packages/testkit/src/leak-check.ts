import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** How long a check waits for what is being closed, in milliseconds. */
export const DEFAULT_SETTLE_MS = 2000

/** What keeps the process busy at one moment: kinds of resources and open files, each with its number. */
export type ResourceSnapshot = ReadonlyMap<string, number>

/** Options of {@link expectNoLeaks}. */
export interface LeakCheckOptions {
  /** How long to wait until all is closed, in milliseconds. @default {@link DEFAULT_SETTLE_MS} */
  readonly settleMs?: number
}

/**
 * Takes down what is open now: sockets, servers, timers and requests under way, by Node's names for them, and open
 * files by path, where the system lists them under /proc. Timers that don't keep the process alive aren't seen.
 */
export async function takeResourceSnapshot(): Promise<ResourceSnapshot> {
  const files = await openFiles()
  // Requests of our own are over a turn later. A test runner has armed its timer by then, each time.
  await nextTurn()
  const snapshot = new Map<string, number>()
  for (const name of [...process.getActiveResourcesInfo(), ...files]) {
    snapshot.set(name, (snapshot.get(name) ?? 0) + 1)
  }
  return snapshot
}

/**
 * Throws an error that lists what is open now and was not when `before` was taken; for an `afterEach`. It lets the
 * event loop turn until everything has been closed, since a socket closes some turns after it was told to.
 */
export async function expectNoLeaks(before: ResourceSnapshot, options: LeakCheckOptions = {}): Promise<void> {
  const deadlineMs = performance.now() + (options.settleMs ?? DEFAULT_SETTLE_MS)
  for (;;) {
    const leaks = differenceOf(await takeResourceSnapshot(), before)
    if (leaks.length === 0) return
    if (performance.now() > deadlineMs) throw new Error(`left open: ${leaks.join(', ')}`)
  }
}

function differenceOf(after: ResourceSnapshot, before: ResourceSnapshot): string[] {
  return after
    .entries()
    .map(([name, count]) => ({ name, surplus: count - (before.get(name) ?? 0) }))
    .filter(({ surplus }) => surplus > 0)
    .map(({ name, surplus }) => `${surplus} × ${name}`)
    .toArray()
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function openFiles(): Promise<string[]> {
  const folder = '/proc/self/fd'
  const descriptors = await readdir(folder).catch(() => [])
  const targets = await Promise.all(descriptors.map((name) => readlink(join(folder, name)).catch(() => '')))
  // Sockets, pipes and the like have no path; devices are the process's own input and output.
  return targets.filter((target) => target.startsWith('/') && !/^\/(dev|proc)\//.test(target))
}
