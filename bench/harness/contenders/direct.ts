import type { Contender } from './contender.ts'

/** No cache: every client asks the registry. */
export const direct: Contender = {
  name: 'direct',
  tools: [],
  version: () => Promise.resolve('none'),
  start: () =>
    Promise.resolve({
      configuration: {},
      processes: [],
      mirrorOf: () => undefined,
      restart: () => Promise.resolve(),
      replaceNode: () => Promise.resolve(),
      killMostNeeded: () => Promise.resolve(undefined),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
}
