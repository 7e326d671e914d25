import type { Admission, ContentRef, UpstreamClient } from '@layermesh/interface'

/** Makes an upstream client that calls `note` for all content that upstream gives or describes, with how upstream let us in. */
export function notingUpstream(upstream: UpstreamClient, note: (ref: ContentRef) => void): UpstreamClient {
  function noted<Answer extends Admission>(ref: ContentRef, answer: Answer): Answer {
    note({ ...ref, access: answer.access })
    return answer
  }
  return {
    async headManifest(ref, reference, options) {
      const descriptor = await upstream.headManifest(ref, reference, options)
      if (descriptor === undefined) return undefined
      return noted({ ...ref, kind: 'manifest', digest: descriptor.digest }, descriptor)
    },
    async getManifest(ref, reference, options) {
      const manifest = await upstream.getManifest(ref, reference, options)
      return noted({ ...ref, kind: 'manifest', digest: manifest.digest }, manifest)
    },
    async headBlob(ref, digest, options) {
      return noted({ ...ref, kind: 'blob', digest }, await upstream.headBlob(ref, digest, options))
    },
    async getContent(ref, offset, options) {
      return noted(ref, await upstream.getContent(ref, offset, options))
    },
  }
}
