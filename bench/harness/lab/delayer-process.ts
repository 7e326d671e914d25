import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { BenchError } from '../bench-error.ts'

/** A wire between two devices that the delayer creates. */
export interface DelayedLink {
  readonly devices: readonly [near: string, far: string]
  /** In each direction. */
  readonly delayMs: number
}

/** The process that all delayed links go through; disposing of it ends it, and its devices are gone. */
export interface Delayer extends AsyncDisposable {
  /** Throws a BenchError when the process is gone, and with it the links. */
  check(): void
}

/** Starts a delayer at the end of `launcher`; its devices are there when this resolves. Rejects with a BenchError that says why. */
export async function startDelayer(
  launcher: readonly string[],
  links: readonly DelayedLink[],
): Promise<Delayer> {
  const script = fileURLToPath(new URL('delayer.ts', import.meta.url))
  const [execPath, ...execArgv] = [...launcher, process.execPath]
  const child = fork(script, [JSON.stringify(links)], {
    execPath,
    execArgv,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const ended = once(child, 'close').catch(() => {})
  const reason = () => /Error: (.*)/.exec(errors)?.[1] ?? 'it has ended'
  const ready = await Promise.race([once(child, 'message').then(() => true), ended.then(() => false)])
  if (!ready) throw new BenchError(`links can not be delayed: ${reason()}`)
  return {
    check() {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new BenchError(`the process that delays links died: ${reason()}`)
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
