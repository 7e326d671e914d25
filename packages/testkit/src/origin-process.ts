import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ImageSpec } from './build-image.ts'
import type { OriginAccount } from './byte-account.ts'
import type { Fault } from './fault.ts'
import type {
  AddedImage,
  CommandMessage,
  OriginCommands,
  OriginProcessOptions,
  ResultMessage,
} from './origin-commands.ts'

/** A fault that has been scripted in the origin's process; disposing of it ends it and releases what it holds back. */
export interface RemoteFault extends AsyncDisposable {
  /** Lets replies that hang or are stalled go on, and those that come later pass at once. */
  release(): Promise<void>
}

/**
 * An origin in a process of its own, so that its work is neither counted as, nor slowed down by, that of whoever
 * uses it. Every call rejects once the process has ended.
 */
export interface OriginProcess extends AsyncDisposable {
  readonly pid: number
  /** `http://<address>:<port>`. */
  readonly url: string
  /** `<address>:<port>`. */
  readonly host: string
  readonly port: number
  /** Builds an image, or of several specs an index, over there and serves it under `repository`, by digest and, if given, by tag. */
  add(
    repository: string,
    spec: ImageSpec | readonly ImageSpec[],
    options?: { readonly tag?: string },
  ): Promise<AddedImage>
  /** What has been sent since the start or the last reset. */
  account(): Promise<OriginAccount>
  resetAccount(): Promise<void>
  /** Makes requests go wrong from now on, as `OriginRegistry.script` does. */
  script(fault: Fault): Promise<RemoteFault>
  /** Ends the process; its connections break off. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts an origin that holds nothing yet in a process of its own. `launcher` is put before its command, as
 * `nsenter …` is to run it in a network namespace; it must end by becoming that command. Rejects when the port is taken.
 */
export async function spawnOrigin(
  options: OriginProcessOptions = {},
  launcher: readonly string[] = [],
): Promise<OriginProcess> {
  const child = new OriginChild(launcher)
  try {
    const { port } = await child.call('start', options)
    return originProcess(child, options.address ?? '127.0.0.1', port)
  } catch (error) {
    await child.stop()
    throw error
  }
}

function originProcess(child: OriginChild, address: string, port: number): OriginProcess {
  const host = `${address}:${port}`
  return {
    pid: child.pid,
    url: `http://${host}`,
    host,
    port,
    add: (repository, spec, { tag } = {}) => child.call('add', repository, spec, tag),
    account: () => child.call('account'),
    resetAccount: () => child.call('resetAccount'),
    async script(fault) {
      const number = await child.call('script', fault)
      return {
        release: () => child.call('release', number),
        [Symbol.asyncDispose]: () => child.call('unscript', number),
      }
    },
    stop: () => child.stop(),
    [Symbol.asyncDispose]: () => child.stop(),
  }
}

const ENDED = 'the origin process has ended'

interface PendingCall {
  resolve(result: unknown): void
  reject(reason: Error): void
}

/** The child process and the calls that it has not answered yet. */
class OriginChild {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #pending = new Map<number, PendingCall>()
  #lastId = 0

  constructor(launcher: readonly string[]) {
    const [execPath, ...execArgv] = [...launcher, process.execPath]
    // Published, this file and the child's are .js.
    const script = new URL(`./origin-child${extname(import.meta.url)}`, import.meta.url)
    this.#process = fork(fileURLToPath(script), { serialization: 'advanced', execPath, execArgv })
    this.#process.on('message', (message: ResultMessage) => {
      this.#settle(message)
    })
    // A process that can't even be started has ended, too.
    const exit = once(this.#process, 'exit').catch(() => {})
    this.#exited = exit.then(() => {
      for (const id of [...this.#pending.keys()]) this.#settle({ id, error: ENDED })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  call<Name extends keyof OriginCommands>(
    name: Name,
    ...args: Parameters<OriginCommands[Name]>
  ): Promise<Awaited<ReturnType<OriginCommands[Name]>>> {
    if (!this.#process.connected) return Promise.reject(new Error(ENDED))
    const message: CommandMessage = { id: ++this.#lastId, name, args }
    return new Promise((resolve, reject) => {
      this.#pending.set(message.id, { resolve, reject })
      this.#process.send(message, (error) => {
        if (error !== null) this.#settle({ id: message.id, error: ENDED })
      })
    })
  }

  async stop(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect()
    await this.#exited
  }

  #settle({ id, result, error }: ResultMessage): void {
    const call = this.#pending.get(id)
    this.#pending.delete(id)
    if (error === undefined) call?.resolve(result)
    else call?.reject(new Error(error))
  }
}
