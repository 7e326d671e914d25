import { readFile, stat } from 'node:fs/promises'

import { ConfigInvalidError, type Log } from '@layermesh/interface'

/** Shortest secret that is accepted, in characters: what fits in less can be guessed. */
const MIN_SECRET_LENGTH = 16

/** Secrets that a file may hold: a new one and the one before. */
const MAX_SECRETS = 2

/** Mode bits by which everybody could read or change a file. */
const OTHERS_MODE = 0o007

/**
 * Reads the secret in the file that the setting `key` names: its text without white space at its ends.
 * Throws ERR_CONFIG_INVALID, with the system's error as its cause, when the file can't be read or holds too little.
 */
export async function readSecret(key: string, file: string): Promise<string> {
  const secret = (await readText(key, file)).trim()
  requireLength(key, file, secret)
  return secret
}

/**
 * Reads one or two secrets in the file that the setting `key` names: one on each line, without white space at its ends.
 * Throws ERR_CONFIG_INVALID as {@link readSecret} does, and when there are more.
 */
export async function readSecrets(key: string, file: string): Promise<readonly string[]> {
  const lines = (await readText(key, file)).trim().split('\n')
  const secrets = new Set(lines.map((line) => line.trim()).filter((line, at) => line !== '' || at === 0))
  for (const secret of secrets) requireLength(key, file, secret)
  if (secrets.size <= MAX_SECRETS) return [...secrets]
  throw new ConfigInvalidError(
    `${key}: ${file} has ${secrets.size} secrets, one on each line; allowed are 1 or ${MAX_SECRETS}`,
  )
}

/** Says in the log when everybody on this machine can read the secrets; mounted ones are often so, and can't be changed. */
export async function warnOfReadableSecret(file: string, log: Log): Promise<void> {
  const { mode } = await stat(file)
  if ((mode & OTHERS_MODE) === 0) return
  log.warn({ file, mode: (mode & 0o777).toString(8) }, 'secret readable by others')
}

async function readText(key: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new ConfigInvalidError(`${key}: ${file} can not be read (${reason})`, { cause: error })
  }
}

function requireLength(key: string, file: string, secret: string): void {
  if (secret.length >= MIN_SECRET_LENGTH) return
  throw new ConfigInvalidError(
    `${key}: the secret in ${file} has ${secret.length} characters, allowed are ${MIN_SECRET_LENGTH} or more`,
  )
}
