import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

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

/** Where Debian keeps programs that are for root, should PATH not say so. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin']

function isInstalled(tool: DebianTool): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_PATH]
  return folders.some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Describes tests that need programs, and root if said so. Where something is missing they are reported as skipped,
 * and the title says what to install.
 */
export function describeWithTools(
  title: string,
  needs: { readonly tools: readonly DebianTool[]; readonly root?: boolean },
  body: (this: Mocha.Suite) => void,
): void {
  const packages = new Set(needs.tools.filter((tool) => !isInstalled(tool)).map((tool) => PACKAGES[tool]))
  const reasons = [...packages].map((name) => `Debian package ${name}`)
  if (needs.root === true && process.getuid?.() !== 0) reasons.push('root')
  if (reasons.length === 0) describe(title, body)
  else xdescribe(`${title} (skipped: needs ${reasons.join(', ')})`, body)
}
