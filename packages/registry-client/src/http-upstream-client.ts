import {
  type Admission,
  type Clock,
  type ContentKind,
  type ContentRef,
  type Descriptor,
  type Digest,
  type RepositoryRef,
  type UpstreamBlob,
  type UpstreamClient,
  type UpstreamLists,
  type UpstreamManifest,
  type UpstreamOptions,
  type UpstreamReferrers,
  type UpstreamStatus,
  type UpstreamTags,
  UpstreamProtocolError,
  UpstreamTruncatedError,
  UpstreamUnknownError,
} from '@layermesh/interface'
import { MANIFEST_ACCEPT, MAX_MANIFEST_BYTES, OCI_INDEX } from '@layermesh/oci'
import { pipe } from 'it-pipe'
import { askSize } from './ask-size.ts'
import { closeOnReturn } from './close-on-return.ts'
import { spanOfContent } from './content-reply.ts'
import type { ContentRequest, Endpoint, EndpointReply } from './endpoint.ts'
import { exactLength } from './exact-length.ts'
import type { HttpReply, HttpTransport } from './http-transport.ts'
import { MAX_LIST_BYTES, readReferrersPage, readTagsPage } from './list-reply.ts'
import { describeManifest, verifyManifest } from './manifest-reply.ts'
import { observeBody } from './observe-body.ts'
import type { OtherUpstreams } from './other-upstreams.ts'
import { readWhole } from './read-whole.ts'
import { refusalOf } from './refusal.ts'
import type { KeptAnswers } from './kept-answers.ts'
import { isRefusedHead } from './refused-head.ts'
import { skipBytes } from './skip-bytes.ts'
import type { BodyObserver, Upstream } from './upstream.ts'

/** What the client works with. */
export interface HttpUpstreamClientDeps {
  readonly clock: Clock
  /** What upstreams have said; written to the end when the client is closed. */
  readonly answers: KeptAnswers
  /** What upstreams are reached by; closed with the client. */
  readonly transports: readonly HttpTransport[]
  readonly upstreams: readonly Upstream[]
  /** Those that are asked without being configured; undefined when there are none. */
  readonly others?: OtherUpstreams | undefined
}

/** The part of a request that doesn't depend on its method. */
type Target = Omit<ContentRequest, 'method'>

/** The distribution API ("Pull") over HTTP: what to ask for, and what to believe of the answers. */
export class HttpUpstreamClient implements UpstreamClient, UpstreamLists {
  readonly #clock: Clock
  readonly #answers: KeptAnswers
  readonly #transports: readonly HttpTransport[]
  readonly #upstreams: ReadonlyMap<string, Upstream>
  readonly #others: OtherUpstreams | undefined

  constructor({ clock, answers, transports, upstreams, others }: HttpUpstreamClientDeps) {
    this.#clock = clock
    this.#answers = answers
    this.#transports = transports
    this.#upstreams = new Map(upstreams.map((upstream) => [upstream.host, upstream]))
    this.#others = others
  }

  async headManifest(
    ref: RepositoryRef,
    reference: string,
    options: UpstreamOptions = {},
  ): Promise<(Descriptor & Admission) | undefined> {
    const target = targetOf(ref, 'manifest', reference, options)
    return this.#perform(ref, { ...target, method: 'HEAD' }, async (endpoint) => {
      const reply = await endpoint.send({ ...target, method: 'HEAD' })
      const refused = isRefusedHead(endpoint, reply)
      if (reply.status !== 200 && !refused) throw await refusalOf(reply, this.#clock)
      await reply.body.discard()
      const descriptor = refused ? undefined : describeManifest(reply, reference)
      return descriptor && { ...descriptor, ...admissionOf(reply) }
    })
  }

  async getManifest(
    ref: RepositoryRef,
    reference: string,
    options: UpstreamOptions = {},
  ): Promise<UpstreamManifest> {
    const target = targetOf(ref, 'manifest', reference, options)
    return this.#perform(ref, { ...target, method: 'GET' }, async (endpoint) => {
      const reply = await endpoint.send({ ...target, method: 'GET' })
      if (reply.status !== 200) throw await refusalOf(reply, this.#clock)
      const manifest = verifyManifest(reply, reference, await readWhole(reply, MAX_MANIFEST_BYTES))
      return { ...manifest, ...admissionOf(reply) }
    })
  }

  async headBlob(
    ref: RepositoryRef,
    digest: Digest,
    options: UpstreamOptions = {},
  ): Promise<{ readonly sizeBytes: number } & Admission> {
    const target = targetOf(ref, 'blob', digest, options)
    return this.#perform(ref, { ...target, method: 'HEAD' }, (endpoint) =>
      askSize(endpoint, target, this.#clock),
    )
  }

  async getContent(ref: ContentRef, offset: number, options: UpstreamOptions = {}): Promise<UpstreamBlob> {
    const target = targetOf(ref, ref.kind, ref.digest, options)
    const range = offset === 0 ? {} : { range: `bytes=${offset}-` }
    return this.#perform(ref, { ...target, method: 'GET' }, async (endpoint, observer) => {
      const reply = await endpoint.send({
        ...target,
        method: 'GET',
        headers: { ...target.headers, ...range },
      })
      if (reply.status !== 200 && reply.status !== 206) throw await refusalOf(reply, this.#clock)
      try {
        const span = spanOfContent(reply, offset)
        const sizeBytes = span.sizeBytes ?? (await askSize(endpoint, target, this.#clock)).sizeBytes
        if (offset > sizeBytes) throw new UpstreamProtocolError(`${reply.asked} is shorter than the offset`)
        const body = contentBody(reply, { start: span.start, offset, sizeBytes }, observer)
        return { sizeBytes, body, ...admissionOf(reply) }
      } catch (error) {
        reply.body.cut()
        throw error
      }
    })
  }

  async getTags(ref: RepositoryRef, query: string, options: UpstreamOptions = {}): Promise<UpstreamTags> {
    const request = {
      kind: 'tags',
      reference: 'list',
      query,
      headers: { accept: 'application/json' },
    } as const
    return this.#getList(ref, request, options, readTagsPage)
  }

  async getReferrers(
    ref: RepositoryRef,
    digest: Digest,
    query: string,
    options: UpstreamOptions = {},
  ): Promise<UpstreamReferrers> {
    const request = { kind: 'referrers', reference: digest, query, headers: { accept: OCI_INDEX } } as const
    return this.#getList(ref, request, options, readReferrersPage)
  }

  status(): readonly UpstreamStatus[] {
    return [...this.#upstreams.values(), ...(this.#others?.list() ?? [])].map((upstream) => upstream.status())
  }

  /** Ends all requests and closes all connections; the client can't be used after that. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()))
    await this.#answers.whenWritten()
  }

  async #getList<Page>(
    ref: RepositoryRef,
    list: Omit<ContentRequest, 'method' | 'repository' | 'signal'>,
    { signal }: UpstreamOptions,
    read: (reply: HttpReply, bytes: Uint8Array) => Page,
  ): Promise<Page> {
    const { repository, access, via } = ref
    const request = { ...list, method: 'GET', repository, access, via, signal } as const
    return this.#perform(ref, request, async (endpoint) => {
      const reply = await endpoint.send(request)
      if (reply.status !== 200) throw await refusalOf(reply, this.#clock)
      return read(reply, await readWhole(reply, MAX_LIST_BYTES))
    })
  }

  #perform<T>(
    ref: RepositoryRef,
    { kind, method, repository, access, reference, signal }: ContentRequest,
    run: (endpoint: Endpoint, body: BodyObserver) => Promise<T>,
  ): Promise<T> {
    const upstream = this.#upstreams.get(ref.upstream) ?? this.#others?.get(ref.upstream)
    if (upstream === undefined) throw new UpstreamUnknownError(`${ref.upstream} is not a configured upstream`)
    return upstream.perform({ kind, method, repository, access, reference, signal, run })
  }
}

function targetOf(
  { repository, access, via }: RepositoryRef,
  kind: ContentKind,
  reference: string,
  { signal }: UpstreamOptions,
): Target {
  const accept = kind === 'manifest' ? MANIFEST_ACCEPT : '*/*'
  return { kind, repository, access, via, reference, headers: { accept }, signal }
}

function admissionOf({ access }: EndpointReply): Admission {
  return access === undefined ? {} : { access }
}

interface BodySpan {
  /** Where the reply's body begins. */
  readonly start: number
  /** Where the caller wants to begin. */
  readonly offset: number
  readonly sizeBytes: number
}

function contentBody(
  reply: HttpReply,
  { start, offset, sizeBytes }: BodySpan,
  observer: BodyObserver,
): AsyncIterable<Uint8Array> {
  const expectedBytes = sizeBytes - start
  const makeError = (receivedBytes: number) =>
    new UpstreamTruncatedError(`${reply.asked} brought ${receivedBytes} of ${expectedBytes} bytes`)
  const body = pipe(
    reply.body,
    exactLength(expectedBytes, makeError),
    observeBody(observer),
    skipBytes(offset - start),
  )
  return closeOnReturn(body, () => reply.body.cut())
}
