import { isDeepStrictEqual } from 'node:util'

import type { CancelTimer, Clock, Log } from '@layermesh/interface'

/** How often the file is looked at, in milliseconds. */
export const LOOK_INTERVAL_MS = 2_000

/** Collaborators of a {@link SecretWatch}. */
export interface SecretWatchDeps {
  readonly clock: Clock
  readonly log: Log
  /** Reads the secrets; throws when the file is no good. */
  readonly read: () => Promise<readonly string[]>
  /** Takes secrets that are different from those before. */
  readonly changed: (secrets: readonly string[]) => Promise<void>
}

/**
 * Takes over the cluster's secrets when their file changes. It is read, rather than watched: Kubernetes changes a
 * mounted secret by pointing a link elsewhere. A file that is no good changes nothing.
 */
export class SecretWatch {
  readonly #deps: SecretWatchDeps
  #secrets: readonly string[]
  #complained = false
  #stopped = false
  #cancelTimer: CancelTimer = () => {}
  #looking: Promise<void> = Promise.resolve()

  /** Starts at once; `secrets` are those that are in use. */
  constructor(deps: SecretWatchDeps, secrets: readonly string[]) {
    this.#deps = deps
    this.#secrets = secrets
    this.#wait()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer()
    await this.#looking
  }

  #wait(): void {
    if (this.#stopped) return
    this.#cancelTimer = this.#deps.clock.setTimer(LOOK_INTERVAL_MS, () => {
      this.#looking = this.#look().finally(() => this.#wait())
    })
  }

  async #look(): Promise<void> {
    const { log, read, changed } = this.#deps
    try {
      const secrets = await read()
      this.#complained = false
      if (isDeepStrictEqual(secrets, this.#secrets)) return
      this.#secrets = secrets
      log.info({ accepted: secrets.length }, 'cluster secret changed')
      await changed(secrets)
    } catch (error) {
      // Once, not every two seconds.
      if (!this.#complained) log.error({ err: error }, 'cluster secret not taken over')
      this.#complained = true
    }
  }
}
