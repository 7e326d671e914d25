import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { abortable } from '@layermesh/async'
import type { NodeStatus, PeerStatus } from '@layermesh/interface'

/** How to start a node in a process of its own. */
export interface NodeProcessOptions {
  /** The command that runs a node, without options: `[process.execPath, '…/main.ts', 'serve']`. */
  readonly command: readonly string[]
  /** Folder for the configuration file; made by the caller. */
  readonly dir: string
  /** The configuration, as in a YAML file. The log must be at `info` or below. */
  readonly config: object
  /** Ends a process that does not serve yet; later it means nothing. */
  readonly signal?: AbortSignal | undefined
}

/** A line of a node's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string }

/** Options of whatever is waited for. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
}

/** A running node; disposing of it stops it. */
export interface NodeProcess extends AsyncDisposable {
  readonly pid: number
  /** Base URL of the mirror, `http://127.0.0.1:<port>`. */
  readonly mirrorUrl: string
  /** Base URL of the admin endpoint. */
  readonly adminUrl: string
  /** Multiaddrs with the node's peer id, to bootstrap others with. */
  readonly meshAddresses: readonly string[]
  readonly peerId: string
  /** The log up to now. */
  readonly log: readonly LogLine[]
  /** Asks the admin API what the node is and has done. */
  status(options?: WaitOptions): Promise<NodeStatus>
  /** Asks the admin API for the other members of the cluster. */
  peers(options?: WaitOptions): Promise<readonly PeerStatus[]>
  /** Resolves with the first log line, past or to come, that fulfils `predicate`; rejects when the process ends before. */
  waitForLog(predicate: (line: LogLine) => boolean, options?: WaitOptions): Promise<LogLine>
  /** Sends a signal, SIGTERM if none is named, and resolves with the exit code once the process has ended, null if a signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/**
 * Starts a node and resolves once it serves. Rejects with what it wrote to standard error when it ends instead, and
 * with `signal.reason` once an aborted start has left no process.
 */
export async function spawnNode(options: NodeProcessOptions): Promise<NodeProcess> {
  const { signal } = options
  const configFile = join(options.dir, 'config.yaml')
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify(options.config))
  const [executable, ...args] = options.command
  if (executable === undefined) throw new TypeError('the command is empty')
  signal?.throwIfAborted()
  const child = spawn(executable, [...args, '--config', configFile], {
    env: withoutSettings(process.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = new NodeOutput(child)
  const started = await whenStarted(child, output, signal)
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    await output.ended
    return child.exitCode
  }
  const adminUrl = `http://${String(started['admin'])}`
  return {
    pid: child.pid ?? 0,
    mirrorUrl: `http://${firstOf(started['mirror'])}`,
    adminUrl,
    meshAddresses: started['mesh'] as string[],
    peerId: String(started['peerId']),
    log: output.lines,
    status: ({ signal } = {}) => ask<NodeStatus>(`${adminUrl}/api/v1/status`, signal),
    peers: ({ signal } = {}) => ask<readonly PeerStatus[]>(`${adminUrl}/api/v1/peers`, signal),
    waitForLog: (predicate, { signal } = {}) => abortable(output.waitFor(predicate), signal),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}

async function whenStarted(
  child: ChildProcess,
  output: NodeOutput,
  signal: AbortSignal | undefined,
): Promise<LogLine> {
  const kill = () => child.kill('SIGKILL')
  signal?.addEventListener('abort', kill, { once: true })
  try {
    return await output.waitFor((line) => line.msg === 'node started')
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', kill)
  }
}

/** The environment can overrule a configuration file; what is set for a node of this machine is not meant for this one. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('LAYERMESH_')))
}

async function ask<Answer>(url: string, signal: AbortSignal | undefined): Promise<Answer> {
  const response = await fetch(url, { signal: signal ?? null })
  if (!response.ok) throw new Error(`${url} was answered ${response.status}`)
  return (await response.json()) as Answer
}

function firstOf(list: unknown): string {
  return String((list as readonly unknown[])[0])
}

/** How much of what a node writes to standard error is kept, in characters from its end. */
const MAX_KEPT_ERRORS = 4096

interface Waiter {
  readonly predicate: (line: LogLine) => boolean
  readonly promise: PromiseWithResolvers<LogLine>
}

/** What a node writes: its log, and why it ended. */
class NodeOutput {
  readonly lines: LogLine[] = []
  readonly ended: Promise<void>
  readonly #waiters = new Set<Waiter>()
  #errors = ''
  #over = false

  constructor(child: ChildProcess) {
    const { stdout, stderr } = child
    if (stdout === null || stderr === null) throw new TypeError('the output of the process is not piped')
    createInterface({ input: stdout }).on('line', (text) => this.#read(text))
    const onError = (text: string) => (this.#errors = (this.#errors + text).slice(-MAX_KEPT_ERRORS))
    stderr.setEncoding('utf8').on('data', onError)
    // A program that can't be run ends, too: 'close' follows.
    child.on('error', (error) => onError(error.message))
    this.ended = new Promise((resolve) => {
      child.once('close', () => {
        this.#end()
        resolve()
      })
    })
  }

  waitFor(predicate: (line: LogLine) => boolean): Promise<LogLine> {
    const known = this.lines.find(predicate)
    if (known !== undefined) return Promise.resolve(known)
    if (this.#over) return Promise.reject(this.#reason())
    const promise = Promise.withResolvers<LogLine>()
    // Who gave up waiting must not fail a second time, by an unhandled rejection, when the process ends.
    promise.promise.catch(() => {})
    this.#waiters.add({ predicate, promise })
    return promise.promise
  }

  #read(text: string): void {
    const line = parseLine(text)
    if (line === undefined) return
    this.lines.push(line)
    for (const waiter of this.#waiters) {
      if (!waiter.predicate(line)) continue
      this.#waiters.delete(waiter)
      waiter.promise.resolve(line)
    }
  }

  #end(): void {
    this.#over = true
    for (const { promise } of this.#waiters) promise.reject(this.#reason())
  }

  #reason(): Error {
    return new Error(`the node has ended: ${this.#errors.trim() || 'it wrote nothing to standard error'}`)
  }
}

/** The log is one JSON object a line; what is for people stands between. */
function parseLine(text: string): LogLine | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return undefined
  }
}
