import { environmentName } from './setting-keys.ts'
import { isGroup, type Group, type Otherwise, type Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'
import { WELL_KNOWN_UPSTREAMS } from './well-known-upstreams.ts'

const INTRODUCTION = `# Configuration

<!-- Made from packages/config/src/settings.ts by \`npm run docs\`; edit that file, not this one. -->

Every setting has a default: a node runs without any configuration. Values come from three places, each over the
one before it:

1. a YAML file: \`layermesh serve --config FILE\`
2. the environment: \`LAYERMESH_…\`, each value in YAML; an empty value sets nothing
3. flags: \`--set key=value\`, as often as needed, each value in YAML

\`\`\`sh
LAYERMESH_LOCALITY_SITE=paris-3 layermesh serve --config /etc/layermesh.yaml \\
  --set 'mirror.listen=["127.0.0.1:5000"]' --set log.level=debug
\`\`\`

\`\`\`yaml
# /etc/layermesh.yaml
locality:
  region: eu-1
mesh:
  bootstrap: [/dns4/node1.example.com/tcp/4001]
upstreams:
  - host: registry.example.com
\`\`\`

A list replaces that of the place before it, but entries of \`upstreams\` are added. A key without a value counts as
not set. An unknown key or a value that is not allowed stops the command with one line and exit code 2.
`

/** The text of docs/configuration.md; the same table gives the same text, already in prettier's form. */
export function configurationDocs(): string {
  const sections = Object.entries(SETTINGS.entries).flatMap(([key, entry]) =>
    isGroup(entry) ? groupDocs('##', key, entry) : [settingDocs('##', key, entry)],
  )
  return [INTRODUCTION, ...sections].join('\n')
}

function groupDocs(heading: string, key: string, entry: Group): readonly string[] {
  return [`${heading} \`${key}\`\n\n${entry.help}\n`, ...memberDocs(`${heading}#`, key, entry)]
}

function memberDocs(heading: string, prefix: string, of: Group): readonly string[] {
  return Object.entries(of.entries).flatMap(([name, entry]) => {
    const key = `${prefix}.${name}`
    return isGroup(entry) ? groupDocs(heading, key, entry) : [settingDocs(heading, key, entry)]
  })
}

function settingDocs(heading: string, key: string, { help, kind, otherwise }: Setting): string {
  const facts = [`Expects ${kind.schema.allowed}`, `Default: ${otherwiseDocs(otherwise)}`]
  // Members of list entries have no place in the environment.
  if (!key.includes('[]')) facts.push(`Environment: \`${environmentName(key)}\``)
  const docs = `${heading} \`${key}\`\n\n${help}\n\n${facts.map((fact) => `- ${fact}\n`).join('')}`
  if (kind.item === undefined) return docs
  const known = kind.appends === true ? [wellKnownDocs()] : []
  return [docs, ...known, ...memberDocs(`${heading}#`, `${key}[]`, kind.item)].join('\n')
}

function otherwiseDocs(otherwise: Otherwise): string {
  if (otherwise === 'absent') return 'not set'
  if (otherwise === 'required') return 'none, it has to be given'
  return 'words' in otherwise ? otherwise.words : `\`${JSON.stringify(otherwise.value)}\``
}

function wellKnownDocs(): string {
  const hosts = WELL_KNOWN_UPSTREAMS.map(({ host }) => `\`${String(host)}\``).join(', ')
  return `There without being named: ${hosts}.\n`
}
