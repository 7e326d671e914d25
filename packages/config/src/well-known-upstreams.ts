import type { RawGroup } from './setting.ts'

/**
 * The public registries that a node mirrors without being told, as entries of the setting `upstreams`.
 * Docker Hub is the one whose images are named by another host than the one that serves them.
 */
export const WELL_KNOWN_UPSTREAMS: readonly RawGroup[] = [
  {
    host: 'docker.io',
    aliases: ['hub'],
    endpoints: ['https://registry-1.docker.io'],
  },
  { host: 'gcr.io' },
  { host: 'ghcr.io' },
  { host: 'lscr.io' },
  { host: 'mcr.microsoft.com' },
  { host: 'nvcr.io' },
  { host: 'public.ecr.aws' },
  { host: 'quay.io' },
  { host: 'registry.access.redhat.com' },
  { host: 'registry.gitlab.com' },
  { host: 'registry.k8s.io' },
]
