import { abortable, SingleFlight } from '@layermesh/async'
import { type Clock, type Log, UpstreamCredentialsError } from '@layermesh/interface'
import { canonicalHost } from './auth-key.ts'
import { CertificateFiles } from './client-certificate.ts'
import { type Credential, credentialOf, type CredentialSource, type Secret } from './credential.ts'
import type { AskHelper } from './credential-helper.ts'
import { type DockerConfig, findAuth, parseDockerConfig } from './docker-config.ts'
import { WatchedFile } from './watched-file.ts'

/** How long what a helper said is used, in milliseconds. */
export const HELPER_ANSWER_MS = 300_000
/** How long it is used when the registry doesn't accept it, in milliseconds. */
const REFUSED_ANSWER_MS = 10_000
/** The name by which Docker asks its helpers for Docker Hub. */
const HUB_SERVER = 'https://index.docker.io/v1/'

/** Where the logins of an upstream are; the first of them that has a secret for a repository counts, in this order. */
export interface CredentialFiles {
  /** Needs {@link CredentialFiles.passwordFile}. */
  readonly username?: string | undefined
  readonly passwordFile?: string | undefined
  /** `.dockerconfigjson` of a secret of Kubernetes; helpers that it names are not run. */
  readonly pullSecret?: string | undefined
  /** Docker's `config.json`. */
  readonly dockerConfig?: string | undefined
  /** A certificate to show beside it, in PEM. Needs {@link CredentialFiles.keyFile}. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** What they are obtained with. */
export interface ConfiguredCredentialsDeps {
  readonly clock: Clock
  readonly log: Log
  readonly askHelper: AskHelper
}

interface HelperAnswer {
  readonly secret: Secret | undefined
  usableUntilMs: number
}

type FindSecret = (repository: string) => Promise<Secret | undefined>

/**
 * The logins of one registry host. Files are read again when they have changed. While a login can't be had, it is as if there were
 * none, and one line in the log says why.
 */
export class ConfiguredCredentials implements CredentialSource {
  readonly #deps: ConfiguredCredentialsDeps
  readonly #host: string
  readonly #sources: readonly FindSecret[]
  readonly #certificate: CertificateFiles | undefined
  readonly #answers = new Map<string, HelperAnswer>()
  readonly #asking = new SingleFlight<string, Secret | undefined>()
  #failure: string | undefined
  #refusedId: string | undefined

  /** `host` is the one that files name the registry by. */
  constructor(deps: ConfiguredCredentialsDeps, host: string, files: CredentialFiles) {
    this.#deps = deps
    this.#host = canonicalHost(host)
    this.#sources = this.#sourcesOf(files)
    const { certFile, keyFile } = files
    if (certFile !== undefined && keyFile !== undefined)
      this.#certificate = new CertificateFiles(deps.clock, certFile, keyFile)
  }

  get hasCertificate(): boolean {
    return this.#certificate !== undefined
  }

  async find(repository: string, signal: AbortSignal | undefined): Promise<Credential | undefined> {
    return abortable(this.#find(repository), signal)
  }

  refused({ id }: Credential): void {
    const soonMs = this.#deps.clock.monotonicMs() + REFUSED_ANSWER_MS
    for (const answer of this.#answers.values()) {
      answer.usableUntilMs = Math.min(answer.usableUntilMs, soonMs)
    }
    if (this.#refusedId === id) return
    this.#refusedId = id
    this.#deps.log.warn({}, 'upstream credentials refused')
  }

  #sourcesOf({ username, passwordFile, pullSecret, dockerConfig }: CredentialFiles): readonly FindSecret[] {
    const { clock } = this.#deps
    const sources: FindSecret[] = []
    if (username !== undefined && passwordFile !== undefined) {
      // Editors end a file with a new line.
      const file = new WatchedFile(clock, passwordFile, (text) => text.replace(/[\r\n]+$/, ''))
      sources.push(async () => ({ username, password: await file.read() }))
    }
    if (pullSecret !== undefined) {
      const file = new WatchedFile(clock, pullSecret, parseDockerConfig)
      sources.push(async (repository) => findAuth(await file.read(), this.#host, repository))
    }
    if (dockerConfig !== undefined) {
      const file = new WatchedFile(clock, dockerConfig, parseDockerConfig)
      sources.push(async (repository) => this.#findInDockerConfig(await file.read(), repository))
    }
    return sources
  }

  async #find(repository: string): Promise<Credential | undefined> {
    try {
      const secret = await this.#findSecret(repository)
      const certificate = await this.#certificate?.read()
      this.#succeed()
      return secret === undefined && certificate === undefined ? undefined : credentialOf(secret, certificate)
    } catch (error) {
      if (!(error instanceof UpstreamCredentialsError)) throw error
      if (this.#failure !== error.message) {
        this.#failure = error.message
        this.#deps.log.warn({ err: error }, 'upstream credentials unusable')
      }
      return undefined
    }
  }

  async #findSecret(repository: string): Promise<Secret | undefined> {
    for (const source of this.#sources) {
      const secret = await source(repository)
      if (secret !== undefined) return secret
    }
    return undefined
  }

  #succeed(): void {
    if (this.#failure !== undefined) this.#deps.log.info({}, 'upstream credentials usable again')
    this.#failure = undefined
  }

  async #findInDockerConfig(config: DockerConfig, repository: string): Promise<Secret | undefined> {
    const helper = config.credHelpers.get(this.#host) ?? config.credsStore
    const secret = helper === undefined ? undefined : await this.#askHelper(helper)
    return secret ?? findAuth(config, this.#host, repository)
  }

  async #askHelper(helper: string): Promise<Secret | undefined> {
    const { clock, askHelper } = this.#deps
    const known = this.#answers.get(helper)
    if (known !== undefined && clock.monotonicMs() < known.usableUntilMs) return known.secret
    return this.#asking.run(helper, async () => {
      const secret = await askHelper(helper, this.#host === 'docker.io' ? HUB_SERVER : this.#host)
      this.#answers.set(helper, { secret, usableUntilMs: clock.monotonicMs() + HELPER_ANSWER_MS })
      return secret
    })
  }
}
