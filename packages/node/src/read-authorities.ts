import { readFile } from 'node:fs/promises'
import type { UpstreamConfig } from '@layermesh/config'
import { ConfigInvalidError } from '@layermesh/interface'

/** An upstream with the certificates that it is trusted by. */
export type TrustedUpstream = UpstreamConfig & { readonly ca: string | undefined }

/** Reads the certificates that each upstream is trusted by. Throws ERR_CONFIG_INVALID when a file can't be read or has none. */
export async function readAuthorities(
  upstreams: readonly UpstreamConfig[],
): Promise<readonly TrustedUpstream[]> {
  return Promise.all(upstreams.map(async (upstream) => ({ ...upstream, ca: await readAuthority(upstream) })))
}

async function readAuthority({ caFile, host }: UpstreamConfig): Promise<string | undefined> {
  if (caFile === undefined) return undefined
  try {
    const pem = await readFile(caFile, 'utf8')
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new ConfigInvalidError(`upstreams: caFile of ${host}: ${caFile} can not be read (${reason})`, {
      cause: error,
    })
  }
  throw new ConfigInvalidError(`upstreams: caFile of ${host}: there is no certificate in PEM in ${caFile}`)
}
