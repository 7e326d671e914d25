import { BenchError } from '../bench-error.ts'
import { missingTools } from '../../../test/support/missing-tools.ts'
import type { Contender } from './contender.ts'
import { direct } from './direct.ts'
import { layermesh } from './layermesh.ts'
import { pullThrough, pullThroughPerSite } from './pull-through.ts'

/** All that can be compared; a new one is listed here. */
const CONTENDERS: readonly Contender[] = [direct, pullThrough, pullThroughPerSite, layermesh]

/** The contenders of these names. Throws a BenchError for an unknown name, or when a program of theirs isn't installed. */
export function contendersByName(names: readonly string[]): Contender[] {
  return names.map((name) => {
    const found = CONTENDERS.find((contender) => contender.name === name)
    if (found === undefined) {
      const known = CONTENDERS.map((contender) => contender.name).join(', ')
      throw new BenchError(`there is no contender ${name}: expected some of ${known}`)
    }
    const missing = missingTools(found.tools)
    if (missing.length > 0) throw new BenchError(`${name} needs ${missing.join(', ')}, which isn't installed`)
    return found
  })
}
