import type { UpstreamAnswer, UpstreamAnswerStore } from '@layermesh/interface'

/** Answers for as long as the process lives; they outlive the clients that use it. */
export class MemoryAnswerStore implements UpstreamAnswerStore {
  /** In the order in which they were put. */
  readonly answers: UpstreamAnswer[] = []

  put(answer: UpstreamAnswer): Promise<void> {
    const isOther = (each: UpstreamAnswer) =>
      each.upstream !== answer.upstream || each.subject !== answer.subject
    this.answers.splice(0, Infinity, ...this.answers.filter(isOther), answer)
    return Promise.resolve()
  }

  async list(): Promise<readonly UpstreamAnswer[]> {
    return [...this.answers]
  }
}
