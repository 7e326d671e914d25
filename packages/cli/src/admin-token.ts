import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { addAdminOptions, type AdminOptions } from './admin-options.ts'
import type { CliIo } from './cli-io.ts'
import { CommandError } from './command-error.ts'
import { configOf } from './config-options.ts'

/** What to do about a token that can't be had or isn't the right one. */
export const TOKEN_ADVICE = "run this as the daemon's user, or name the file with --token-file FILE"

/** The options of all commands that change something at a running daemon. */
export interface TokenOptions extends AdminOptions {
  readonly tokenFile?: string
}

/** The token of the admin API, and the file that it is from. */
export interface AdminToken {
  readonly token: string
  readonly file: string
}

/** Adds the options of {@link TokenOptions} to a command. */
export function addTokenOptions(command: Command): Command {
  return addAdminOptions(command).option(
    '--token-file <file>',
    'file with the admin token, instead of admin.tokenFile of the configuration',
  )
}

/** Reads the token that the daemon of the same configuration has. Throws a {@link CommandError} that says what to do. */
export async function readAdminToken(options: TokenOptions, io: CliIo): Promise<AdminToken> {
  const file = options.tokenFile ?? (await configOf(options, io)).admin.tokenFile
  const token = (await read(file)).trim()
  // Anything else would make no header.
  if (/^[\x21-\x7e]+$/.test(token)) return { token, file }
  throw new CommandError(`there is no admin token in ${file}: ${TOKEN_ADVICE}`)
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
    const what = `the admin token in ${file} can not be read (${reason})`
    throw new CommandError(`${what}: ${TOKEN_ADVICE}`, { cause })
  }
}
