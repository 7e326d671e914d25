import { randomBytes } from 'node:crypto'
import { link, rm, stat, writeFile } from 'node:fs/promises'

import { ConfigInvalidError, type Log } from '@layermesh/interface'

import { readSecret } from './read-secret.ts'

const KEY = 'admin.tokenFile'
const TOKEN_BYTES = 32
/** Mode bits by which others than the owner and the group, which an operator may have chosen, could read a file. */
const OTHERS_MODE = 0o007
/** What can stand in an Authorization header (RFC 6750 §2.1, `b64token`). */
const TOKEN = /^[\w.~+/-]+=*$/

/**
 * The token of the admin API: that in `file`, or a new one, which is put there. Warns when anybody on the machine can
 * read it. Throws ERR_CONFIG_INVALID when the file can't be read or made, and when it holds no token.
 */
export async function loadAdminToken(file: string, log: Log): Promise<string> {
  const token = (await findToken(file)) ?? (await createToken(file, log))
  if (!TOKEN.test(token)) {
    throw new ConfigInvalidError(
      `${KEY}: the token in ${file} has characters other than letters, digits and -._~+/=`,
    )
  }
  const { mode } = await stat(file)
  if ((mode & OTHERS_MODE) !== 0) log.warn({ file }, 'admin token not private')
  return token
}

async function findToken(file: string): Promise<string | undefined> {
  try {
    return await readSecret(KEY, file)
  } catch (error) {
    if (isSystemError((error as Error).cause, 'ENOENT')) return undefined
    throw error
  }
}

async function createToken(file: string, log: Log): Promise<string> {
  // Linked when it is whole: a crash must not leave an empty file, which would keep the node from starting again.
  const temporary = `${file}.${randomBytes(6).toString('hex')}`
  try {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    await writeFile(temporary, `${token}\n`, { flag: 'wx', mode: 0o600, flush: true })
    await link(temporary, file)
    log.info({ file }, 'admin token created')
    return token
  } catch (error) {
    // Another process was quicker; then it is its token that counts.
    if (isSystemError(error, 'EEXIST')) return await readSecret(KEY, file)
    const reason = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new ConfigInvalidError(`${KEY}: ${file} can not be made (${reason})`, { cause: error })
  } finally {
    await rm(temporary, { force: true })
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === code
}
