import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { runCommand } from './run-command.ts'

/** The suite of the distribution-spec as a Go module, at a commit: it has no releases of its own. */
const MODULE = 'github.com/opencontainers/distribution-spec/conformance'
const MODULE_VERSION = 'v0.0.0-20260831232431-97274622c111'

/** The oldest Go that it can be built with. */
const MIN_GO = { major: 1, minor: 24 }

/** What is missing to build the suite, in words; undefined when nothing is. */
export function missingForConformance(): string | undefined {
  const wanted = `Go ${MIN_GO.major}.${MIN_GO.minor}`
  try {
    const version = execFileSync('go', ['version'], { encoding: 'utf8' })
    const [, major, minor] = /go(\d+)\.(\d+)/.exec(version) ?? []
    const isNewEnough = Number(major) > MIN_GO.major || Number(minor) >= MIN_GO.minor
    return isNewEnough ? undefined : `${wanted} or later, not ${version.trim()}`
  } catch {
    return wanted
  }
}

/** Builds the suite into `dir` and yields its path. Rejects with what Go said when the module can't be had. */
export async function buildConformance(dir: string): Promise<string> {
  await runCommand('go', ['install', `${MODULE}@${MODULE_VERSION}`], {
    env: { GOBIN: dir, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod', CGO_ENABLED: '0' },
  })
  return join(dir, 'conformance')
}

/** What is there to be read, by tag or digest, in one repository. */
export interface ReadOnlyData {
  readonly registry: string
  readonly repository: string
  readonly tags: readonly string[]
  readonly manifests: readonly string[]
  readonly blobs: readonly string[]
  /** Manifests that are asked for what refers to them. */
  readonly referrers: readonly string[]
}

/**
 * The branches of the suite that push nothing. Run all at once without pushing, it crashes when it writes its report
 * (a blob test that was never begun has no result), after all tests have passed.
 */
export const READ_ONLY_BRANCHES = ['ping', 'read-only', 'missing-manifest', 'invalid-digest-format'] as const

/** How many tests ended how. */
export interface ConformanceCounts {
  readonly passed: number
  readonly failed: number
}

/** Runs a branch of the suite, and writes its report into `dir`. Rejects with its output when a test fails. */
export async function runConformance(
  binary: string,
  dir: string,
  branch: (typeof READ_ONLY_BRANCHES)[number],
  data: ReadOnlyData,
): Promise<ConformanceCounts> {
  const { stdout } = await runCommand(binary, [], {
    env: {
      OCI_REGISTRY: data.registry,
      OCI_TLS: 'disabled',
      OCI_FILTER_TEST: `OCI Conformance Test/${branch}`,
      OCI_REPO1: data.repository,
      OCI_RESULTS_DIR: dir,
      OCI_VERSION: 'stable',
      OCI_API_PUSH: 'false',
      OCI_API_BLOBS_DELETE: 'false',
      OCI_API_BLOBS_DIGEST_HEADER: 'true',
      OCI_API_MANIFESTS_DELETE: 'false',
      OCI_API_TAGS_DELETE: 'false',
      OCI_RO_DATA_TAGS: data.tags.join(' '),
      OCI_RO_DATA_MANIFESTS: data.manifests.join(' '),
      OCI_RO_DATA_BLOBS: data.blobs.join(' '),
      OCI_RO_DATA_REFERRERS: data.referrers.join(' '),
    },
  })
  const countOf = (name: string) => Number(new RegExp(`^ *${name}\\.+: +(\\d+)$`, 'm').exec(stdout)?.[1])
  return { passed: countOf('Pass'), failed: countOf('FAIL') + countOf('Error') }
}
