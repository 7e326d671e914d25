import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import type { RunDescription } from '../../support/result-file.ts'
import type { ScenarioResult } from '../run-scenario.ts'
import type { PlannedLink } from '../topology/network-plan.ts'
import { whereBehind } from './comparison.ts'
import { FIGURES, figureText } from './figures.ts'
import { overviews, type Overview } from './overview.ts'
import { plotsOf, upstreamPlot } from './plots.ts'
import { REPORT_STYLE } from './report-style.ts'

/** A result file as it was written. */
export interface ResultFile extends RunDescription {
  /** Of the last minute before the first run. */
  readonly loadAverageAtStart: number
  readonly scenarios: readonly ScenarioResult[]
}

/** Reads `bench/results/<name>.json`. */
export async function readResult(name: string): Promise<ResultFile> {
  return JSON.parse(await readFile(resultFile(`${name}.json`), 'utf8')) as ResultFile
}

/** Writes `bench/results/<name>.html` from the result of that name: one page that needs nothing else. Returns its path. */
export async function writeHtmlReport(name: string): Promise<string> {
  await writeFile(resultFile(`${name}.html`), await htmlPage(name, await readResult(name)))
  return `bench/results/${name}.html`
}

function resultFile(file: string): string {
  return fileURLToPath(new URL(`../../results/${file}`, import.meta.url))
}

async function htmlPage(name: string, result: ResultFile): Promise<string> {
  const { machine, commit, date, command, node, loadAverageAtStart, scenarios } = result
  const sections = await Promise.all(scenarios.map(section))
  const plot = await upstreamPlot(scenarios)
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Bringing images to nodes: ${escape(name)}</title>
<meta name="viewport" content="width=device-width"><style>${REPORT_STYLE}</style></head>
<body>
<header>
<h1>Bringing images to nodes: what it costs</h1>
<p>Real processes on a network of their own; bytes from the counters of its links, not from anybody's metrics. Medians of the repeats,
the least and the most in brackets; the less the better, the best in <b class="best">bold</b>.</p>
</header>
${plot === undefined ? '' : `<figure class="wide">${plot.svg}<figcaption>${escape(plot.title)}</figcaption></figure>`}
<div class="overviews">${overviews(scenarios).map(overview).join('\n')}</div>
${behind(scenarios)}
${sections.join('\n')}
<footer>
<h2>How to make these figures again</h2>
<p><code>${escape(command)}</code></p>
<p>${escape(date.slice(0, 16).replace('T', ' '))} UTC, commit <code>${escape(commit.slice(0, 12))}</code>, Node ${escape(node)}, ${machine.cores} × ${escape(machine.cpu)},
${(machine.memoryBytes / 1024 ** 3).toFixed(0)} GiB, kernel ${escape(machine.kernel)}, load average at the start ${loadAverageAtStart.toFixed(1)}.
Raw samples: <code>bench/results/${escape(name)}.json</code>. What each figure means: <code>docs/benchmarks.md</code>.</p>
</footer>
</body>
</html>
`
}

function overview({ title, explanation, contenders, rows }: Overview): string {
  const head = contenders.map((contender) => `<th>${escape(contender)}</th>`).join('')
  const body = rows.map(({ scenario, title: about, cells }) => {
    const texts = cells.map(({ text, isBest }) => `<td${isBest ? ' class="best"' : ''}>${escape(text)}</td>`)
    return `<tr><td><a href="#${escape(scenario)}" title="${escape(about)}">${escape(scenario)}</a></td>${texts.join('')}</tr>`
  })
  return `<section class="overview"><h2>${escape(title)}</h2><p class="note">${escape(explanation)}</p>
<table><tr><th></th>${head}</tr>${body.join('')}</table></section>`
}

function behind(scenarios: readonly ScenarioResult[]): string {
  if (!scenarios.some(({ contenders }) => contenders.length > 1 && contenders.some(isOwn))) return ''
  const rows = whereBehind(scenarios).map(
    ({ scenario, figure, own, other, otherText }) =>
      `<tr><td>${escape(scenario)}</td><td>${escape(figure.title)}</td><td>${escape(own)}</td><td>${escape(otherText)}</td><td>${escape(other)}</td></tr>`,
  )
  const table =
    rows.length === 0
      ? '<p>Nowhere by more than 5 %.</p>'
      : `<table class="behind"><tr><th>scenario</th><th>figure</th><th>layermesh</th><th>best other</th><th></th></tr>${rows.join('')}</table>`
  return `<section><h2>Where layermesh is not ahead</h2>
<p class="note">Every figure in which another contender's median is better by more than 5 %. Times count only where no pull failed, CPU and memory only for who has
processes. Why: <code>docs/benchmarks.md</code>.</p>
${table}</section>`
}

function isOwn({ contender }: ScenarioResult['contenders'][number]): boolean {
  return contender === 'layermesh'
}

async function section(result: ScenarioResult): Promise<string> {
  const {
    scenario,
    title,
    mode,
    imageBytes,
    compressiblePart,
    seed,
    contenders,
    links,
    notMeasured,
    loadAverageAtStart,
  } = result
  const nodes = links.filter(({ kind }) => kind === 'node').length
  const plots = await plotsOf(result)
  return `<section id="${escape(scenario)}"><h2>${escape(title)}</h2>
<p class="note">${nodes} nodes, images of about ${(imageBytes / 1024 ** 2).toFixed(0)} MiB, ${(100 * compressiblePart).toFixed(0)} % of the content of their layers
compressible (tar+gzip and tar+zstd), seed ${seed}; ${mode === 'netns' ? `network namespaces: ${escape(linksText(links))}` : 'loopback'};
${repeatsText(contenders[0]?.summaries.length ?? 0)},
load average at the start ${loadAverageAtStart.toFixed(1)}.</p>
${table(result)}
<div class="plots">
${plots.map((plot) => `<figure><figcaption>${escape(plot.title)}</figcaption>${plot.svg}</figure>`).join('\n')}
</div>
<ul class="note">
${notMeasured.map((note) => `<li>Not measured: ${escape(note)}.</li>`).join('\n')}
${contenders.map(notesOn).join('\n')}
</ul></section>`
}

function repeatsText(count: number): string {
  return count === 1 ? 'played once' : `played ${count} times`
}

/** The links that aren't all alike, such as `region 50 Mbit/s, 20 ms`, once for each quality. */
function linksText(links: readonly PlannedLink[]): string {
  const texts = links
    .filter(({ kind }) => kind !== 'cache')
    .flatMap(({ kind, rateBytesPerSecond, delayMs }) => {
      const rate = rateBytesPerSecond === undefined ? '' : ` ${(rateBytesPerSecond * 8) / 1e6} Mbit/s`
      const delay = delayMs === 0 ? '' : ` ${delayMs} ms`
      return rate === '' && delay === '' ? [] : [`${kind}${rate}${delay}`]
    })
  return [...new Set(texts)].join(', ')
}

function table({ contenders }: ScenarioResult): string {
  const head = contenders.map(({ contender }) => `<th>${escape(contender)}</th>`).join('')
  const rows = FIGURES.map((figure) => {
    const cells = contenders.map(({ summaries }) => `<td>${escape(figureText(summaries, figure))}</td>`)
    return `<tr><td>${escape(figure.title)}</td>${cells.join('')}</tr>`
  })
  return `<table><tr><th></th>${head}</tr>${rows.join('')}</table>`
}

/** Version, settings, and what happened to a contender. */
function notesOn({ contender, version, configuration, runs }: ScenarioResult['contenders'][number]): string {
  const events = runs.flatMap((run) => run.events)
  const happened = events.length === 0 ? '' : ` Events: ${[...new Set(events)].join('; ')}.`
  const settings = Object.keys(configuration).length === 0 ? '' : `: ${JSON.stringify(configuration)}`
  return `<li><b>${escape(contender)}</b>, ${escape(version)}${escape(settings)}.${escape(happened)}</li>`
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
