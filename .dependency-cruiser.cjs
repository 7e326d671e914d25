// The arrows of docs/architecture.md: a package imports only packages of the levels before its own.
const LEVELS = [
  ['interface'],
  ['async', 'oci'],
  ['telemetry', 'config', 'testkit'],
  ['blob-store', 'registry-client', 'mesh'],
  ['directory', 'exchange'],
  ['fetcher'],
  ['mirror', 'admin'],
  ['node'],
  ['cli'],
]

const srcOf = (names) => `^packages/(${names.join('|')})/src/`

const arrowsGoDownOnly = LEVELS.flatMap((names, level) => {
  const notBelow = LEVELS.slice(level).flat()
  return names.map((name) => ({
    name: `arrows-go-down-only-from-${name}`,
    severity: 'error',
    from: { path: `^packages/${name}/src/` },
    to: { path: srcOf(notBelow.filter((other) => other !== name)) },
  }))
})

const onlyImporter = (library, owner) => ({
  name: `only-${owner}-imports-${library.replace(/\W+/g, '-')}`,
  severity: 'error',
  from: { path: '^packages/[^/]+/src/', pathNot: `^packages/${owner}/src/` },
  to: { path: `node_modules/(\\.pnpm/)?${library}` },
})

module.exports = {
  forbidden: [
    ...arrowsGoDownOnly,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'source-never-imports-tests',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '(^|/)test/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    onlyImporter('(level|classic-level)/', 'blob-store'),
    onlyImporter('(libp2p|@libp2p|@chainsafe|@multiformats)/', 'mesh'),
    onlyImporter('(pino|prom-client)/', 'telemetry'),
    onlyImporter('undici/', '(registry-client|cli|testkit)'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
}
