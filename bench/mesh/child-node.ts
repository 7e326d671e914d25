import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A process with one node or several: each request gets one message back, in order. */
export class ChildNode implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #waiting: PromiseWithResolvers<unknown>[] = []

  /** Starts a script of `nodes/`, with `init` as JSON for its argument. */
  constructor(script: string, init: object) {
    const path = fileURLToPath(new URL(`nodes/${script}.ts`, import.meta.url))
    this.#child = fork(path, [JSON.stringify(init)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', (message) => this.#waiting.shift()?.resolve(message))
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`${script} has ended with ${code}`))
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Sends a request and resolves with its answer. */
  ask<Answer>(request: object): Promise<Answer> {
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.push(answer)
    this.#child.send(request)
    return answer.promise as Promise<Answer>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
