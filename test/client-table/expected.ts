import type { Outcome, ScenarioName } from './cell.ts'
import type { ClientKind, ClientRow } from './clients.ts'

type Expected = Readonly<Record<ScenarioName, Outcome>>

/** Asks the mirror for each manifest and blob, and the registry for each that the mirror doesn't give. */
const REQUEST_BY_REQUEST: Expected = {
  tag: 'ok through mirror',
  digest: 'ok through mirror',
  dead: 'ok through mirror',
  stopped: 'ok, fell back',
  cut: 'ok, fell back',
  private: 'ok, fell back',
}

/** Falls back while it has no manifest; from then on it stays with the mirror, whatever comes of that. */
const UNTIL_THE_MANIFEST: Expected = { ...REQUEST_BY_REQUEST, cut: 'failed' }

/** Has been told that the mirror is the registry. */
const NEVER: Expected = { ...UNTIL_THE_MANIFEST, stopped: 'failed', private: 'failed' }

/** What clients do in each scenario. */
const EXPECTED: Readonly<Record<ClientKind, Expected>> = {
  containerd: REQUEST_BY_REQUEST,
  dockerd: REQUEST_BY_REQUEST,
  'dockerd, containerd store': REQUEST_BY_REQUEST,
  podman: UNTIL_THE_MANIFEST,
  skopeo: UNTIL_THE_MANIFEST,
  buildah: UNTIL_THE_MANIFEST,
  crane: NEVER,
  oras: NEVER,
}

/** What a client is expected to do in a scenario. */
export function expectedOutcome({ kind }: ClientRow, scenario: ScenarioName): Outcome {
  return EXPECTED[kind][scenario]
}
