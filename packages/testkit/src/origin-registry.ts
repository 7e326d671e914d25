import type { ServerResponse } from 'node:http'
import { systemClock, type Clock } from '@layermesh/interface'
import type { BuiltArtifact } from './built-content.ts'
import { ByteAccount, type OriginAccount } from './byte-account.ts'
import { applyFault, type Fault } from './fault.ts'
import { FaultScript, type ScriptedFault } from './fault-script.ts'
import { basicGate, type Gate } from './gate.ts'
import { listenHttp, type ServerIdentity } from './http-listener.ts'
import type { OriginLogin } from './login.ts'
import { answerCdn, answerRegistry } from './origin-answers.ts'
import { OriginCatalog } from './origin-catalog.ts'
import { parseCdnRequest, parseRegistryRequest, readForm, type OriginRequest } from './origin-request.ts'
import { RateLimiter } from './rate-limiter.ts'
import type { Reply } from './reply.ts'
import { RequestLog, type LoggedRequest } from './request-log.ts'
import { sendReply } from './send-reply.ts'
import { TokenIssuer, type TokenMethod } from './token-issuer.ts'

/** Options of {@link startOrigin}. */
export interface OriginOptions {
  /** Address of this machine, or of the network namespace that the process is in. @default 127.0.0.1 */
  readonly address?: string
  /** TCP port; 0 means any that is free. @default 0 */
  readonly port?: number
  /** What clients need: nothing, a token, or name and password with each request. @default none */
  readonly auth?: 'none' | 'bearer' | 'basic'
  /** Who gets in by `auth`; `basic` needs one. @default anybody who asks for a token */
  readonly login?: OriginLogin
  /** The repositories that only `login` may pull, with `bearer`. @default all, where there is a login */
  readonly privateRepositories?: readonly string[]
  /** How tokens can be asked for. @default ['GET'] */
  readonly tokenMethods?: readonly TokenMethod[]
  /** How long a token is valid, in seconds. @default {@link DEFAULT_TOKEN_LIFETIME_SECONDS} */
  readonly tokenLifetimeSeconds?: number
  /** Whether a GET of a blob is answered with a redirect to a server on another port. @default false */
  readonly redirectBlobs?: boolean
  /** Makes the registry speak TLS; its storage stays without. @default neither does */
  readonly tls?: ServerIdentity
  /** The authorities, in PEM, of whose certificates clients must show one; with `tls`. @default clients need none */
  readonly clientAuthority?: string
  /** Speed of the link that all replies share, in bytes per second. @default unlimited */
  readonly rateBytesPerSecond?: number
  /** What tokens expire by and the link's speed is kept by. @default the machine's clock */
  readonly clock?: Clock
}

/** How long a token is valid unless said otherwise: as long as Docker Hub's. */
export const DEFAULT_TOKEN_LIFETIME_SECONDS = 300

/** A real registry over HTTP that counts what it sends and does wrong when told to. */
export interface OriginRegistry extends AsyncDisposable {
  /** `http://<address>:<port>`, or `https://` with TLS. */
  readonly url: string
  /** `<address>:<port>`. */
  readonly host: string
  readonly port: number
  /** All requests since the start, in the order of their arrival. */
  readonly requests: readonly LoggedRequest[]
  /** Serves an image, an index or any other artifact under `repository`, by digest and, if given, by tag. */
  add(repository: string, artifact: BuiltArtifact, options?: { readonly tag?: string }): void
  /** Forgets a tag, manifest or blob of one repository. Does nothing when there is no such thing. */
  remove(repository: string, reference: string): void
  /** What has been sent since the start or the last reset. */
  account(): OriginAccount
  resetAccount(): void
  /** Makes requests go wrong from now on. Of several faults that match a request, the oldest befalls it. */
  script(fault: Fault): ScriptedFault
  /**
   * The first request that fulfils `predicate`, looked at when it arrives, when its status is decided, as its bytes
   * go out, and when it is over. Rejects when the origin is closed before.
   */
  waitForRequest(predicate: (request: LoggedRequest) => boolean): Promise<LoggedRequest>
  /** Cuts all connections and stops. Idempotent. */
  close(): Promise<void>
}

/** Starts a registry that holds nothing yet. Throws ERR_LISTEN when the port is taken. */
export async function startOrigin(options: OriginOptions = {}): Promise<OriginRegistry> {
  const { address = '127.0.0.1', clock = systemClock, rateBytesPerSecond, redirectBlobs = false } = options
  const catalog = new OriginCatalog()
  const account = new ByteAccount()
  const faults = new FaultScript()
  const log = new RequestLog()
  const gate = gateOf(options, clock)
  const limiter = rateBytesPerSecond === undefined ? undefined : new RateLimiter(clock, rateBytesPerSecond)
  const exchange = exchangeHandler({ account, clock, faults, log, limiter })

  const registry = await listenHttp(
    address,
    options.port ?? 0,
    async (incoming, response) => {
      const request = parseRegistryRequest(incoming, redirectBlobs)
      const form = await readForm(incoming)
      const cdnUrl = `http://${address}:${cdn?.port ?? 0}`
      const asked = form === undefined ? request : { ...request, form }
      await exchange(asked, response, (each) => answerRegistry(each, { catalog, gate, cdnUrl }))
    },
    options.tls && { ...options.tls, clientAuthority: options.clientAuthority },
  )
  const cdn = redirectBlobs
    ? await listenHttp(address, 0, (incoming, response) =>
        exchange(parseCdnRequest(incoming), response, (asked) => answerCdn(asked, catalog)),
      )
    : undefined

  const host = `${address}:${registry.port}`
  const close = async () => {
    await Promise.all([registry.close(), cdn?.close()])
    log.close()
  }
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}`,
    host,
    port: registry.port,
    requests: log.requests,
    add: (repository, artifact, { tag } = {}) => {
      catalog.add(repository, artifact, tag)
    },
    remove: (repository, reference) => {
      catalog.remove(repository, reference)
    },
    account: () => account.snapshot(),
    resetAccount: () => {
      account.reset()
    },
    script: (fault) => faults.add(fault),
    waitForRequest: (predicate) => log.waitFor(predicate),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function gateOf(options: OriginOptions, clock: Clock): Gate | undefined {
  const { auth, login, privateRepositories, tls, tokenLifetimeSeconds, tokenMethods } = options
  if (auth === 'bearer') {
    return new TokenIssuer(clock, {
      lifetimeSeconds: tokenLifetimeSeconds ?? DEFAULT_TOKEN_LIFETIME_SECONDS,
      methods: tokenMethods ?? ['GET'],
      login,
      privateRepositories,
      scheme: tls === undefined ? 'http' : 'https',
    })
  }
  if (auth !== 'basic') return undefined
  if (login === undefined) throw new TypeError('name and password of whom?')
  return basicGate(login)
}

interface ExchangeDeps {
  readonly account: ByteAccount
  readonly clock: Clock
  readonly faults: FaultScript
  readonly log: RequestLog
  readonly limiter: RateLimiter | undefined
}

function exchangeHandler({ account, clock, faults, log, limiter }: ExchangeDeps) {
  return async (
    request: OriginRequest,
    response: ServerResponse,
    answer: (request: OriginRequest) => Reply,
  ): Promise<void> => {
    const logged = log.open(request)
    const fault = faults.take(request)
    const reply =
      fault === undefined
        ? answer(request)
        : applyFault(fault.action, request, { answer, clock, released: fault.released })
    log.update(logged, { status: reply.status })
    const onSent = (sizeBytes: number) => {
      account.add(request.kind, reply.content, sizeBytes)
      log.update(logged, { bytesSent: logged.bytesSent + sizeBytes })
    }
    log.update(logged, { outcome: await sendReply(response, reply, { onSent, limiter }) })
  }
}
