import type { Clock, Frame } from '@layermesh/interface'
import { z } from 'zod'
import { encodeFrame, type FrameKind } from './frame-codec.ts'

/** The kind of the `wait` frame, in every protocol that has one. */
export const WAIT_KIND: FrameKind<object> = { code: 7, schema: z.object({}) }

/** "I am still at it." */
export const WAIT_FRAME: Frame = encodeFrame(WAIT_KIND, {})

/** Yields a wait frame after every `intervalMs` for which `work` is still going on. Doesn't throw what `work` throws. */
export async function* waitFramesUntil(
  work: Promise<unknown>,
  clock: Clock,
  intervalMs: number,
): AsyncGenerator<Frame, void> {
  const over = work.then(
    () => true,
    () => true,
  )
  for (;;) {
    const interval = Promise.withResolvers<false>()
    const cancel = clock.setTimer(intervalMs, () => interval.resolve(false))
    const isOver = await Promise.race([over, interval.promise])
    cancel()
    if (isOver) return
    yield WAIT_FRAME
  }
}

/** A stage that passes every frame, and puts wait frames in where the next one is a long time coming. */
export function withWaitFrames(clock: Clock, intervalMs: number) {
  return async function* (source: AsyncIterable<Frame>): AsyncGenerator<Frame, void> {
    const frames = source[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = frames.next()
        yield* waitFramesUntil(next, clock, intervalMs)
        const result = await next
        if (result.done === true) return
        yield result.value
      }
    } finally {
      await frames.return?.()
    }
  }
}
