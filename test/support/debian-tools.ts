import { missingTools } from './missing-tools.ts'

/** Programs that tests use when they are installed, and the Debian packages that hold them. */
const PACKAGES = {
  'docker-registry': 'docker-registry',
  containerd: 'containerd',
  ctr: 'containerd',
  skopeo: 'skopeo',
  podman: 'podman',
  buildah: 'buildah',
  dockerd: 'docker.io',
  docker: 'docker.io',
  ip: 'iproute2',
  openssl: 'openssl',
} as const

/** A program that a test may need. */
type DebianTool = keyof typeof PACKAGES

/** What tests need. */
export interface TestNeeds {
  readonly tools: readonly DebianTool[]
  readonly root?: boolean
  /** Anything else that is missing, in words. */
  readonly missing?: readonly string[]
}

/**
 * Describes tests that need programs, and root if said so. Where something is missing they are reported as skipped,
 * and the title says what to install.
 */
export function describeWithTools(title: string, needs: TestNeeds, body: (this: Mocha.Suite) => void): void {
  const packages = new Set(missingTools(needs.tools).map((tool) => PACKAGES[tool]))
  const reasons = [...packages].map((name) => `Debian package ${name}`)
  if (needs.root === true && process.getuid?.() !== 0) reasons.push('root')
  reasons.push(...(needs.missing ?? []))
  if (reasons.length === 0) describe(title, body)
  else xdescribe(`${title} (skipped: needs ${reasons.join(', ')})`, body)
}
