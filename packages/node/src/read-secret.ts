import { readFile } from 'node:fs/promises'

import { ConfigInvalidError } from '@layermesh/interface'

/** Shortest secret that is accepted, in characters: what fits in less can be guessed. */
const MIN_SECRET_LENGTH = 16

/**
 * Reads the secret in the file that the setting `key` names: its text without white space at its ends.
 * Throws ERR_CONFIG_INVALID, with the system's error as its cause, when the file can't be read or holds too little.
 */
export async function readSecret(key: string, file: string): Promise<string> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new ConfigInvalidError(`${key}: ${file} can not be read (${reason})`, { cause: error })
  }
  const secret = text.trim()
  if (secret.length >= MIN_SECRET_LENGTH) return secret
  throw new ConfigInvalidError(
    `${key}: the secret in ${file} has ${secret.length} characters, allowed are ${MIN_SECRET_LENGTH} or more`,
  )
}
