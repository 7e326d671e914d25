/** How the page of a result looks, on a screen and on paper. */
export const REPORT_STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1b1b; max-width: 1080px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: .3rem } h2 { font-size: 1.2rem; margin: 2.5rem 0 .2rem }
section[id] > h2, footer > h2 { border-top: 1px solid #ddd; padding-top: 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .7rem 0 }
th, td { padding: .25rem .9rem; text-align: right; border-bottom: 1px solid #eee; white-space: nowrap }
th { font-weight: 600; border-bottom-color: #bbb }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
table.behind td:nth-child(2), table.behind th:nth-child(2), table.behind td:last-child { text-align: left }
.overviews { display: grid; grid-template-columns: repeat(auto-fit, minmax(30rem, 1fr)); column-gap: 2rem; font-size: 14px }
.overviews th, .overviews td { padding: .25rem .5rem }
figure.wide { margin: 1.5rem 0 0; text-align: center }
.best { font-weight: 700; color: #00694c }
.plots { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin: 1rem 0 }
figure { margin: 0 } figcaption { font-size: 13px; font-weight: 600; color: #333 }
figure svg { width: 100%; height: auto } code { background: #f4f4f4; padding: 0 .3em }
.note, footer p { color: #555; font-size: 13px; margin: .2rem 0 }
a { color: inherit } ul.note { padding-left: 1.2rem }
@media (max-width: 700px) { .plots { grid-template-columns: 1fr } table { display: block; overflow-x: auto } }
@media print { section { break-inside: avoid } }`
