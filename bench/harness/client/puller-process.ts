import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { UPSTREAM_HOST } from '../contenders/contender.ts'
import type { Place } from '../lab/lab.ts'
import type { ClientPull, NodeClient } from './node-client.ts'
import type { PullOutcome } from './pull-outcome.ts'

/** One pull. */
export interface PullCommand {
  /** Where it goes first; undefined: straight upstream. */
  readonly mirror: string | undefined
  readonly upstream: string
  /** The image host, which mirrors are told. */
  readonly host: string
  readonly repository: string
  readonly reference: string
  /** Whether the client has what it pulled earlier and keeps what it pulls now; a CI job does neither. */
  readonly keep: boolean
  readonly fallback?: boolean
}

/** The built-in clients of one node, in a process of their own. Pulls as containerd does. */
export class PullerProcess implements NodeClient {
  readonly name = 'built-in'
  /** Resolves once pulls start without a delay. */
  readonly ready: Promise<unknown>
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #pending = new Map<number, PromiseWithResolvers<PullOutcome>>()
  #lastId = 0

  constructor(place: Place) {
    const script = fileURLToPath(new URL('puller.ts', import.meta.url))
    const [execPath, ...execArgv] = [...place.launcher, process.execPath]
    this.#child = fork(script, { serialization: 'advanced', execPath, execArgv })
    const ready = Promise.withResolvers<undefined>()
    // Nobody has to wait for it.
    ready.promise.catch(() => {})
    this.ready = ready.promise
    this.#child.once('message', () => {
      ready.resolve(undefined)
    })
    this.#child.on('message', ({ id, outcome }: { readonly id: number; readonly outcome: PullOutcome }) => {
      this.#pending.get(id)?.resolve(outcome)
      this.#pending.delete(id)
    })
    this.#exited = once(this.#child, 'exit')
      .catch(() => {})
      .then(() => {
        for (const { reject } of [ready, ...this.#pending.values()]) {
          reject(new Error(`the clients of ${place.name} have ended`))
        }
      })
  }

  /** Rejects with `signal.reason`, and then leaves the pull to its end, which is near: that of this process. */
  pull({ image, signal, ...pull }: ClientPull): Promise<PullOutcome> {
    const { repository, tag: reference } = image
    const command: PullCommand = { ...pull, host: UPSTREAM_HOST, repository, reference }
    const pending = Promise.withResolvers<PullOutcome>()
    const onAbort = () => pending.reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#lastId += 1
    this.#pending.set(this.#lastId, pending)
    this.#child.send({ id: this.#lastId, ...command }, (error) => {
      if (error !== null) pending.reject(error)
    })
    return pending.promise.finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await this.#exited
  }
}
