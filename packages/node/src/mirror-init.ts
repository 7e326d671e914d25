import type { Config } from '@layermesh/config'
import type { MirrorInit, MirrorListen } from '@layermesh/mirror'

import { accessPolicy } from './access-policy.ts'

/** What the configuration says of the registry endpoint: its addresses, and what it may be asked for. */
export function mirrorInit({ mirror, otherUpstreams, upstreams }: Config): MirrorInit {
  const { listen, tls, defaultUpstream, rateLimits } = mirror
  const { certFile, keyFile } = tls
  return {
    listen: [
      ...listen,
      ...tls.listen.map((address): MirrorListen => ({
        ...address,
        setting: 'mirror.tls.listen',
        isTls: true,
      })),
      ...upstreams.flatMap(({ host, listen: own }) =>
        own.map((address): MirrorListen => ({
          ...address,
          setting: `upstreams: listen of ${host}`,
          upstream: host,
        })),
      ),
    ],
    tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
    upstreams,
    defaultUpstream,
    accessOf: accessPolicy(upstreams),
    allowOthers: otherUpstreams.allow,
    hideRateLimits: rateLimits === 'hide',
  }
}
