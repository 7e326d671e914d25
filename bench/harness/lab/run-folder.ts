import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

import { runCommand } from '../../../test/support/run-command.ts'

/** What everything that a run creates is named with, so that a person can find it, too. */
const PREFIX = 'lmbench-'
const RECORD = 'record.json'

/** A process, told from a later one with the same id by when it started. */
interface RecordedProcess {
  readonly pid: number
  readonly startTicks: string
}

interface RunRecord {
  readonly owner: RecordedProcess
  /** Written down before they are created. */
  readonly namespaces: readonly string[]
}

/** The folder of one run, with the record of what has to be removed after it. */
export interface RunFolder extends AsyncDisposable {
  /** The folder's name, which everything else of the run is named with. */
  readonly name: string
  /** A new empty folder within. */
  createDir(name: string): Promise<string>
  /** Writes down namespaces that are about to be created. */
  recordNamespaces(names: readonly string[]): Promise<void>
}

/** Opens a folder for a run. Disposing of it ends what runs in the run's namespaces and removes them and all files. */
export async function openRunFolder(): Promise<RunFolder> {
  const path = await mkdtemp(join(tmpdir(), PREFIX))
  const name = basename(path)
  const owner = { pid: process.pid, startTicks: (await startTicksOf(process.pid)) ?? '' }
  const write = (record: RunRecord) => writeFile(join(path, RECORD), JSON.stringify(record))
  await write({ owner, namespaces: [] })
  let dirs = 0
  return {
    name,
    async createDir(title) {
      dirs += 1
      const dir = join(path, `${dirs}-${title}`)
      await mkdir(dir)
      return dir
    },
    recordNamespaces: (namespaces) => write({ owner, namespaces }),
    [Symbol.asyncDispose]: () => removeRun(path),
  }
}

/** Removes what runs that were killed have left behind; returns the names of the runs. */
export async function removeLeftovers(): Promise<string[]> {
  const names = (await readdir(tmpdir())).filter((entry) => entry.startsWith(PREFIX))
  const removed: string[] = []
  for (const name of names) {
    const path = join(tmpdir(), name)
    const record = await readRecord(path)
    if (record === undefined || (await isRunning(record.owner))) continue
    await removeRun(path)
    removed.push(name)
  }
  return removed
}

async function removeRun(path: string): Promise<void> {
  const record = await readRecord(path)
  const existing = new Set(record?.namespaces.length ? await existingNamespaces() : [])
  const namespaces = record?.namespaces.filter((name) => existing.has(name)) ?? []
  for (const namespace of namespaces) {
    for (const pid of await processesIn(namespace)) kill(pid)
  }
  for (const pid of await processesOf(path)) kill(pid)
  for (const namespace of namespaces) await runCommand('ip', ['netns', 'del', namespace])
  await rm(path, { recursive: true, force: true, maxRetries: 5 })
}

/** The record of a run, undefined if the folder isn't one of ours: anybody may create folders there. */
async function readRecord(path: string): Promise<RunRecord | undefined> {
  try {
    if ((await stat(path)).uid !== process.getuid?.()) return undefined
    const record = JSON.parse(await readFile(join(path, RECORD), 'utf8')) as RunRecord
    const ours = record.namespaces.every((name) => name.startsWith(basename(path)))
    return ours ? record : undefined
  } catch {
    return undefined
  }
}

async function isRunning({ pid, startTicks }: RecordedProcess): Promise<boolean> {
  return (await startTicksOf(pid)) === startTicks
}

/** When a process started, in clock ticks since the machine did (proc(5)); undefined when there is none. */
async function startTicksOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

async function existingNamespaces(): Promise<string[]> {
  const { stdout } = await runCommand('ip', ['netns', 'list'])
  return stdout.split('\n').map((line) => line.split(' ', 1)[0] ?? '')
}

async function processesIn(namespace: string): Promise<number[]> {
  const { stdout } = await runCommand('ip', ['netns', 'pids', namespace])
  return stdout.split('\n').filter(Boolean).map(Number)
}

/** Servers that were started with a file of this run on their command line; what else names one is somebody's shell or editor. */
async function processesOf(path: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [program = '', ...args] = await argumentsOf(pid)
      const isServer = /(^|\/)(node|docker-registry|containerd)$/.test(program)
      return isServer && args.some((argument) => argument.startsWith(`${path}/`)) ? Number(pid) : undefined
    }),
  )
  return found.filter((pid) => pid !== undefined)
}

async function argumentsOf(pid: string): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  } catch {
    return []
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
