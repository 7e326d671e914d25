import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ServerIdentity } from './http-listener.ts'
import { createTempDir } from './temp-dir.ts'

/** Makes the identity of a server of these host names and addresses, which is its own authority; undefined where there is no openssl. */
export async function selfSigned(name: string, ...others: string[]): Promise<ServerIdentity | undefined> {
  await using folder = await createTempDir()
  const [key, cert] = [join(folder.path, 'key'), join(folder.path, 'cert')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const names = [name, ...others].map((each) => `${isIP(each) === 0 ? 'DNS' : 'IP'}:${each}`).join(',')
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`, '-days', '2']
  try {
    await promisify(execFile)('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
}
