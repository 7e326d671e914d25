import { UpstreamStalledError, UpstreamTruncatedError } from '@layermesh/interface'
import type { BodyObserver } from './upstream.ts'

/** A stage that tells how the source ended; a reader that goes away says nothing about it. */
export function observeBody(observer: BodyObserver) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* source
      observer.completed()
    } catch (error) {
      if (error instanceof UpstreamStalledError || error instanceof UpstreamTruncatedError) {
        observer.interrupted()
      }
      throw error
    }
  }
}
