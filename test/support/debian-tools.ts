import { missingTools } from './missing-tools.ts'

/** Programs that tests use when they are installed, and the Debian packages that hold them. */
const PACKAGES = {
  'docker-registry': 'docker-registry',
  containerd: 'containerd',
  ctr: 'containerd',
  skopeo: 'skopeo',
  podman: 'podman',
} as const

/** A program that a test may need. */
export type DebianTool = keyof typeof PACKAGES

/**
 * Describes tests that need programs, and root if said so. Where something is missing they are reported as skipped,
 * and the title says what to install.
 */
export function describeWithTools(
  title: string,
  needs: { readonly tools: readonly DebianTool[]; readonly root?: boolean },
  body: (this: Mocha.Suite) => void,
): void {
  const packages = new Set(missingTools(needs.tools).map((tool) => PACKAGES[tool]))
  const reasons = [...packages].map((name) => `Debian package ${name}`)
  if (needs.root === true && process.getuid?.() !== 0) reasons.push('root')
  if (reasons.length === 0) describe(title, body)
  else xdescribe(`${title} (skipped: needs ${reasons.join(', ')})`, body)
}
