import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** How to start a node in a process of its own. */
export interface NodeProcessOptions {
  /** The command that runs a node, without options: `[process.execPath, '…/main.ts', 'serve']`. */
  readonly command: readonly string[]
  /** Folder for the configuration file; made by the caller. */
  readonly dir: string
  /** The configuration, as in a YAML file. The log must be at `info` or below. */
  readonly config: object
}

/** A line of a node's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string }

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
  /** Resolves with the first log line, past or to come, that fulfils `predicate`; rejects when the process ends before. */
  waitForLog(predicate: (line: LogLine) => boolean): Promise<LogLine>
  /** Sends a signal, SIGTERM if none is named, and resolves with the exit code once the process has ended, null if a signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts a node and resolves once it serves. Rejects with what it wrote to standard error when it ends instead. */
export async function spawnNode(options: NodeProcessOptions): Promise<NodeProcess> {
  const configFile = join(options.dir, 'config.yaml')
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify(options.config))
  const [executable, ...args] = options.command
  if (executable === undefined) throw new TypeError('the command is empty')
  const child = spawn(executable, [...args, '--config', configFile], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = new NodeOutput(child)
  const started = await output.waitFor((line) => line.msg === 'node started')
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    await output.ended
    return child.exitCode
  }
  return {
    pid: child.pid ?? 0,
    mirrorUrl: `http://${firstOf(started['mirror'])}`,
    adminUrl: `http://${String(started['admin'])}`,
    meshAddresses: started['mesh'] as string[],
    peerId: String(started['peerId']),
    waitForLog: (predicate) => output.waitFor(predicate),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}

function firstOf(list: unknown): string {
  return String((list as readonly unknown[])[0])
}

interface Waiter {
  readonly predicate: (line: LogLine) => boolean
  readonly promise: PromiseWithResolvers<LogLine>
}

/** What a node writes: its log, and why it ended. */
class NodeOutput {
  readonly ended: Promise<void>
  readonly #lines: LogLine[] = []
  readonly #waiters = new Set<Waiter>()
  #errors = ''
  #over = false

  constructor(child: ChildProcess) {
    const { stdout, stderr } = child
    if (stdout === null || stderr === null) throw new TypeError('the output of the process is not piped')
    createInterface({ input: stdout }).on('line', (text) => this.#read(text))
    stderr.on('data', (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-4096)))
    this.ended = this.#end(child)
  }

  waitFor(predicate: (line: LogLine) => boolean): Promise<LogLine> {
    const known = this.#lines.find(predicate)
    if (known !== undefined) return Promise.resolve(known)
    if (this.#over) return Promise.reject(this.#reason())
    const promise = Promise.withResolvers<LogLine>()
    this.#waiters.add({ predicate, promise })
    return promise.promise
  }

  #read(text: string): void {
    const line = parseLine(text)
    if (line === undefined) return
    this.#lines.push(line)
    for (const waiter of this.#waiters) {
      if (!waiter.predicate(line)) continue
      this.#waiters.delete(waiter)
      waiter.promise.resolve(line)
    }
  }

  async #end(child: ChildProcess): Promise<void> {
    await once(child, 'close')
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
