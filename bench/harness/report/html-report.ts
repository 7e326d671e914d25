import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import type { RunDescription } from '../../support/result-file.ts'
import type { ScenarioResult } from '../run-scenario.ts'
import { FIGURES, figureText } from './figures.ts'
import { plotsOf } from './plots.ts'

/** A result file as it was written. */
type ResultFile = RunDescription & { readonly scenarios: readonly ScenarioResult[] }

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1b1b; max-width: 1000px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 3rem; border-top: 1px solid #ddd; padding-top: 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0 }
th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #eee; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top } figcaption { font-size: 13px; color: #444 }
figure svg { max-width: 100%; height: auto } code { background: #f4f4f4; padding: 0 .3em }
.note { color: #555; font-size: 13px }`

/** Writes `bench/results/<name>.html` from the result of that name: one page that needs nothing else. Returns its path. */
export async function writeHtmlReport(name: string): Promise<string> {
  const path = `bench/results/${name}.html`
  const file = (ending: string) => fileURLToPath(new URL(`../../results/${name}.${ending}`, import.meta.url))
  const result = JSON.parse(await readFile(file('json'), 'utf8')) as ResultFile
  await writeFile(file('html'), await htmlPage(name, result))
  return path
}

async function htmlPage(name: string, result: ResultFile): Promise<string> {
  const { machine, commit, date, command, node, scenarios } = result
  const sections = await Promise.all(scenarios.map(section))
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escape(name)}</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head>
<body>
<h1>Bringing images to nodes: what it costs</h1>
<p><code>${escape(command)}</code></p>
<p class="note">${escape(date)}, commit ${escape(commit.slice(0, 12))}, Node ${escape(node)}, ${machine.cores} × ${escape(machine.cpu)},
${(machine.memoryBytes / 1024 ** 3).toFixed(0)} GiB, kernel ${escape(machine.kernel)}.
Raw samples: <code>${escape(name)}.json</code>. What each figure means: <code>docs/benchmarks.md</code>.</p>
${sections.join('\n')}
</body>
</html>
`
}

async function section(result: ScenarioResult): Promise<string> {
  const { title, mode, imageBytes, seed, contenders, links, notMeasured } = result
  const nodes = links.filter(({ kind }) => kind === 'node').length
  const plots = await plotsOf(result)
  return `<h2>${escape(title)}</h2>
<p class="note">${nodes} nodes, images of about ${(imageBytes / 1024 ** 2).toFixed(0)} MiB, seed ${seed}, ${mode === 'netns' ? 'network namespaces' : 'loopback'};
median of ${contenders[0]?.summaries.length ?? 0} repeats, ends in brackets.</p>
${table(result)}
${plots.map((plot) => `<figure>${plot.svg}<figcaption>${escape(plot.title)}</figcaption></figure>`).join('\n')}
<ul class="note">
${notMeasured.map((note) => `<li>Not measured: ${escape(note)}.</li>`).join('\n')}
${contenders.map(notesOn).join('\n')}
</ul>`
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
  const settings = JSON.stringify(configuration)
  return `<li><b>${escape(contender)}</b>, ${escape(version)}: ${escape(settings)}.${escape(happened)}</li>`
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
