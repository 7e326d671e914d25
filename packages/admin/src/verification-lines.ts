import type { VerifyProgress } from '@layermesh/interface'

/**
 * Progress as newline-delimited JSON. `onBreak` hears of an error that comes when lines have been sent, so that no
 * status can tell it any more; it is thrown as well.
 */
export async function* verificationLines(
  progress: AsyncIterable<VerifyProgress>,
  onBreak: (error: unknown) => void,
): AsyncIterable<string> {
  let begun = false
  try {
    for await (const step of progress) {
      begun = true
      yield `${JSON.stringify(step)}\n`
    }
  } catch (error) {
    if (begun) onBreak(error)
    throw error
  }
}
