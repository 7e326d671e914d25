import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { UpstreamConfig } from '@layermesh/config'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { readAuthorities } from '../src/read-authorities.ts'

describe('readAuthorities', () => {
  let folder: TempDir

  beforeEach(async () => {
    folder = await createTempDir()
  })

  afterEach(() => folder[Symbol.asyncDispose]())

  /** An upstream with a file of this text. */
  async function upstreamWith(text?: string): Promise<UpstreamConfig> {
    const caFile = join(folder.path, 'ca.pem')
    if (text !== undefined) await writeFile(caFile, text)
    return {
      host: 'reg.example',
      aliases: [],
      servedAs: [],
      listen: [],
      endpoints: ['https://reg.example'],
      mirrors: [],
      credentials: {
        username: undefined,
        passwordFile: undefined,
        pullSecret: undefined,
        dockerConfig: undefined,
        certFile: undefined,
        keyFile: undefined,
        realms: [],
        clients: 'loopback',
      },
      privateHosts: [],
      proxy: undefined,
      caFile,
      tags: { revalidateAfterMs: 0, serveStaleForMs: 0, immutable: [] },
    }
  }

  it('reads the file of each upstream that names one', async () => {
    const pem = '# ours\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
    const upstream = await upstreamWith(pem)
    const read = await readAuthorities([upstream, { ...upstream, caFile: undefined }])
    assert.deepEqual(
      read.map(({ ca }) => ca),
      [pem, undefined],
    )
  })

  it('rejects with ERR_CONFIG_INVALID when a file is missing or holds no certificate', async () => {
    await assert.rejects(
      readAuthorities([await upstreamWith()]),
      /^ConfigInvalidError: upstreams: caFile of reg\.example: .*ca\.pem can not be read \(ENOENT\)$/,
    )
    await assert.rejects(
      readAuthorities([await upstreamWith('nonsense')]),
      /there is no certificate in PEM in .*ca\.pem$/,
    )
  })
})
