import { containerdClient } from '../clients/containerd-client.ts'
import { buildahClient, podmanClient, skopeoClient } from '../clients/containers-image-clients.ts'
import { dockerdClient, dockerdContainerdStoreClient } from '../clients/dockerd-client.ts'
import type { ImageClient, ImageClientInit } from '../clients/image-client.ts'
import { craneClient, orasClient } from '../clients/mirror-by-name-clients.ts'
import type { DebianSuite } from './debian-suite.ts'

/** A kind of client: all its versions are set up the same way. */
export type ClientKind =
  'containerd' | 'dockerd' | 'dockerd, containerd store' | 'podman' | 'skopeo' | 'buildah' | 'crane' | 'oras'

/** A client as one suite of Debian has it: a row of the table. */
export interface ClientRow {
  /** `<kind> (<suite>)`. */
  readonly name: string
  readonly kind: ClientKind
  readonly suite: DebianSuite
  /** Debian packages that it needs, its own first. */
  readonly packages: readonly string[]
}

/** Starts a client of each kind. */
export const START_CLIENT: Readonly<Record<ClientKind, (init: ImageClientInit) => Promise<ImageClient>>> = {
  containerd: containerdClient,
  dockerd: dockerdClient,
  'dockerd, containerd store': dockerdContainerdStoreClient,
  podman: podmanClient,
  skopeo: skopeoClient,
  buildah: buildahClient,
  crane: craneClient,
  oras: orasClient,
}

/** The rows of the table. */
export const CLIENTS: readonly ClientRow[] = [
  row('containerd', 'bookworm', ['containerd']),
  row('containerd', 'trixie', ['containerd']),
  row('containerd', 'sid', ['containerd']),
  row('dockerd', 'bookworm', ['docker.io', 'containerd']),
  row('dockerd', 'trixie', ['docker.io', 'docker-cli', 'containerd']),
  row('dockerd', 'sid', ['docker.io', 'docker-cli', 'containerd']),
  row('dockerd, containerd store', 'trixie', ['docker.io', 'docker-cli', 'containerd']),
  row('dockerd, containerd store', 'sid', ['docker.io', 'docker-cli', 'containerd']),
  row('podman', 'bookworm', ['podman']),
  row('podman', 'trixie', ['podman']),
  row('podman', 'sid', ['podman']),
  row('skopeo', 'bookworm', ['skopeo']),
  row('skopeo', 'trixie', ['skopeo']),
  row('skopeo', 'sid', ['skopeo']),
  row('buildah', 'bookworm', ['buildah']),
  row('buildah', 'trixie', ['buildah']),
  row('buildah', 'sid', ['buildah']),
  row('crane', 'sid', ['crane']),
  row('oras', 'sid', ['oras']),
]

function row(kind: ClientKind, suite: DebianSuite, packages: readonly string[]): ClientRow {
  return { name: `${kind} (${suite})`, kind, suite, packages }
}
