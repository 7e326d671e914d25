import type { ScenarioResult } from '../run-scenario.ts'
import { medianOf } from './comparison.ts'
import { FIGURES, type Figure } from './figures.ts'

/** One figure of all scenarios and contenders. */
export interface Overview {
  readonly title: string
  readonly explanation: string
  readonly contenders: readonly string[]
  readonly rows: readonly {
    readonly scenario: string
    readonly title: string
    /** In the order of the contenders; undefined where there is none. */
    readonly cells: readonly { readonly text: string; readonly isBest: boolean }[]
  }[]
}

export const FAILED_TITLE = 'Pulls that failed'

const SHOWN = [
  {
    figure: 'upstream ×',
    title: 'Copies of each byte that the registry had to send',
    explanation:
      'What the registry has sent over the unique bytes that were asked for. 1 is the least that anybody needs.',
  },
  {
    figure: 'site ×',
    title: "Copies that crossed the sites' links",
    explanation:
      'Bytes towards the nodes over the least that has to cross, all sites together. Headers are counted, too.',
  },
  {
    figure: 'makespan s',
    title: 'Seconds until the last node had its image',
    explanation: 'From the first start of a pull to the last end of one, all phases together.',
  },
  {
    figure: 'failed',
    title: FAILED_TITLE,
    explanation: 'Of all nodes together, with no way left to the image.',
  },
] as const

/** The figures that matter most, over all scenarios: medians of the repeats. */
export function overviews(scenarios: readonly ScenarioResult[]): Overview[] {
  const contenders = [
    ...new Set(scenarios.flatMap((result) => result.contenders.map(({ contender }) => contender))),
  ]
  return SHOWN.flatMap(({ figure: wanted, title, explanation }) => {
    const figure = FIGURES.find((one) => one.title === wanted)
    if (figure === undefined) return []
    const rows = scenarios.map((result) => ({
      scenario: result.scenario,
      title: result.title,
      cells: cellsOf(result, contenders, figure),
    }))
    return [{ title, explanation, contenders, rows }]
  })
}

function cellsOf(result: ScenarioResult, names: readonly string[], figure: Figure) {
  const medians = names.map((name) => {
    const found = result.contenders.find(({ contender }) => contender === name)
    return found === undefined ? undefined : medianOf(found, figure)
  })
  const texts = medians.map((median) => median?.toFixed(figure.digits) ?? '–')
  const least = Math.min(...medians.filter((median) => median !== undefined)).toFixed(figure.digits)
  return texts.map((text) => ({ text, isBest: text === least }))
}
