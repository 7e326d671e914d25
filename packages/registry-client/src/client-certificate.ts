import { createHash } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { type Clock, UpstreamCredentialsError } from '@layermesh/interface'
import { codeOf } from './network-failure.ts'
import { WatchedFile } from './watched-file.ts'

/** What we prove to a registry by who we are when a connection is made (RFC 8446 §4.4.2), in PEM. */
export interface ClientCertificate {
  /** The certificate, followed by those of the authorities in between. */
  readonly cert: string
  readonly key: string
  /** The same for the same pair, and tells nothing of the key. */
  readonly id: string
}

/** A certificate and its key, read again when one of the two files changes. */
export class CertificateFiles {
  readonly #certFile: WatchedFile<string>
  readonly #keyFile: WatchedFile<string>
  readonly #names: string
  #known: ClientCertificate | undefined

  constructor(clock: Clock, certFile: string, keyFile: string) {
    this.#certFile = new WatchedFile(clock, certFile, (text) => text)
    this.#keyFile = new WatchedFile(clock, keyFile, (text) => text)
    this.#names = `${certFile}, ${keyFile}`
  }

  /** Throws ERR_UPSTREAM_CREDENTIALS when one can't be read, or the two are no pair. */
  async read(): Promise<ClientCertificate> {
    const [cert, key] = await Promise.all([this.#certFile.read(), this.#keyFile.read()])
    if (this.#known?.cert === cert && this.#known.key === key) return this.#known
    try {
      createSecureContext({ cert, key })
    } catch (cause) {
      throw new UpstreamCredentialsError(
        `${this.#names}: can not be used (${codeOf(cause) ?? 'unknown'}): expected a certificate in PEM and the key that it was made for`,
        { cause },
      )
    }
    this.#known = {
      cert,
      key,
      id: createHash('sha256')
        .update(JSON.stringify([cert, key]))
        .digest('base64'),
    }
    return this.#known
  }
}
