import { readFile, stat } from 'node:fs/promises'
import { type Clock, UpstreamCredentialsError } from '@layermesh/interface'
import { codeOf } from './network-failure.ts'

/** How often a file is looked at, at most, in milliseconds. */
export const CHECK_EVERY_MS = 1000
/** The longest file that is read, in bytes. */
const MAX_FILE_BYTES = 1024 * 1024

/** A file that is read again when it has changed. Looks when it is asked, so that there is nothing to stop. */
export class WatchedFile<T> {
  readonly #path: string
  readonly #parse: (text: string) => T
  readonly #clock: Clock
  #checkAtMs = -Infinity
  /** Which file of which content was read last. */
  #version = ''
  #content: Promise<T> | undefined

  /** `parse` may throw ERR_UPSTREAM_CREDENTIALS; the path is put before its message. */
  constructor(clock: Clock, path: string, parse: (text: string) => T) {
    this.#clock = clock
    this.#path = path
    this.#parse = parse
  }

  /** What is in the file. Throws ERR_UPSTREAM_CREDENTIALS when it can't be read or parsed. */
  read(): Promise<T> {
    const nowMs = this.#clock.monotonicMs()
    if (this.#content === undefined || nowMs >= this.#checkAtMs) {
      this.#checkAtMs = nowMs + CHECK_EVERY_MS
      this.#content = this.#refresh(this.#content)
      // Whoever asks gets it; nobody may.
      this.#content.catch(() => {})
    }
    return this.#content
  }

  async #refresh(known: Promise<T> | undefined): Promise<T> {
    try {
      // Follows links: Kubernetes changes a secret by pointing one elsewhere.
      const { dev, ino, mtimeMs, size } = await stat(this.#path)
      if (size > MAX_FILE_BYTES) throw new UpstreamCredentialsError(`has more than ${MAX_FILE_BYTES} bytes`)
      const version = [dev, ino, mtimeMs, size].join()
      if (known !== undefined && version === this.#version) return await known
      const content = this.#parse(await readFile(this.#path, 'utf8'))
      this.#version = version
      return content
    } catch (cause) {
      this.#version = ''
      if (!(cause instanceof UpstreamCredentialsError)) {
        throw new UpstreamCredentialsError(`${this.#path}: can not be read (${codeOf(cause) ?? 'unknown'})`, {
          cause,
        })
      }
      if (cause.message.startsWith(this.#path)) throw cause
      throw new UpstreamCredentialsError(`${this.#path}: ${cause.message}`)
    }
  }
}
