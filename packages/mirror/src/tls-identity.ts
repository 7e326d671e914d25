import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { ConfigInvalidError, type Clock, type Log, type Startable } from '@layermesh/interface'

/** How often the files are looked at, in milliseconds: certificates are replaced days before the old ones expire. */
export const IDENTITY_CHECK_MS = 10_000

/** Where a certificate and its key are, in PEM. */
export interface TlsFiles {
  /** The certificate, followed by those of the authorities in between. */
  readonly certFile: string
  readonly keyFile: string
}

/** What is told of a new identity. */
export type OnIdentity = (context: SecureContextOptions) => void

const SETTING = 'mirror.tls'

/**
 * What a listener proves by who it is. Its files are read again when they change; while they are no pair that can be
 * used, the last one is.
 */
export class TlsIdentity implements Startable {
  readonly #files: TlsFiles
  readonly #clock: Clock
  readonly #log: Log
  readonly #followers = new Set<OnIdentity>()
  #context: SecureContextOptions = {}
  #failure = ''
  #cancelCheck = () => {}
  #isStopped = false

  constructor(clock: Clock, log: Log, files: TlsFiles) {
    this.#clock = clock
    this.#log = log
    this.#files = files
  }

  /** Throws ERR_CONFIG_INVALID when the files can't be used. */
  async start(): Promise<void> {
    this.#context = await readContext(this.#files)
    this.#schedule()
  }

  /** Tells `onIdentity` of the identity now, and of each new one until the function that it yields is called. */
  follow(onIdentity: OnIdentity): () => void {
    this.#followers.add(onIdentity)
    onIdentity(this.#context)
    return () => this.#followers.delete(onIdentity)
  }

  stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelCheck()
    return Promise.resolve()
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#cancelCheck = this.#clock.setTimer(IDENTITY_CHECK_MS, () => {
      void this.#check().finally(() => this.#schedule())
    })
  }

  async #check(): Promise<void> {
    try {
      const context = await readContext(this.#files)
      this.#failure = ''
      if (context.cert === this.#context.cert && context.key === this.#context.key) return
      this.#context = context
      for (const follower of this.#followers) follower(context)
      this.#log.info({ file: this.#files.certFile }, 'certificate replaced')
    } catch (err) {
      // Said once: the files are looked at again and again.
      if (String(err) === this.#failure) return
      this.#failure = String(err)
      this.#log.error({ file: this.#files.certFile, err }, 'certificate not replaced')
    }
  }
}

async function readContext({ certFile, keyFile }: TlsFiles): Promise<SecureContextOptions> {
  const cert = await readPem('certFile', certFile)
  const key = await readPem('keyFile', keyFile)
  const context: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2' }
  try {
    createSecureContext(context)
  } catch (cause) {
    throw new ConfigInvalidError(
      `${SETTING}: ${JSON.stringify(certFile)} and ${JSON.stringify(keyFile)} can't be used (${codeOf(cause)}): expected a certificate in PEM and the key that it was made for`,
      { cause },
    )
  }
  return context
}

async function readPem(key: keyof TlsFiles, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new ConfigInvalidError(
      `${SETTING}.${key} = ${JSON.stringify(file)}: can't be read (${codeOf(cause)}): expected a file in PEM`,
      { cause },
    )
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown'
}
