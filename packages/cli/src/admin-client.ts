import { formatListenAddress } from '@layermesh/interface'
import { InvalidArgumentError, type Command } from 'commander'
import { request } from 'undici'
import type { CliIo } from './cli-io.ts'
import { addConfigOptions, configOf, type ConfigOptions } from './config-options.ts'
import { CommandError } from './command-error.ts'
import { reachableAddress } from './reachable-address.ts'

const TIMEOUT_MS = 10_000

/** The options of all commands that ask a running daemon. */
export interface AdminOptions extends ConfigOptions {
  readonly admin?: URL
  readonly json?: true
}

/** Adds the options of {@link AdminOptions} to a command. */
export function addAdminOptions(command: Command): Command {
  return addConfigOptions(command)
    .option(
      '--admin <url>',
      'admin endpoint of the daemon, instead of admin.listen of the configuration',
      parseUrl,
    )
    .option('--json', 'print JSON')
}

/** Asks the daemon; `path` is one of its admin API. Throws a {@link CommandError} when it can't be asked. */
export async function askDaemon<Answer>(path: string, options: AdminOptions, io: CliIo): Promise<Answer> {
  const { origin } = options.admin ?? (await configuredUrl(options, io))
  const { status, text } = await get(new URL(path, origin))
  if (status !== 200) throw notADaemon(origin, `it answers with the status ${status}`)
  try {
    return JSON.parse(text) as Answer
  } catch (cause) {
    throw notADaemon(origin, 'its answer is not JSON', cause)
  }
}

async function configuredUrl(options: ConfigOptions, io: CliIo): Promise<URL> {
  const { listen } = (await configOf(options, io)).admin
  if (listen.port === 0) {
    throw new CommandError('admin.listen leaves the port to the system: name the daemon with --admin URL')
  }
  return new URL(`http://${reachableAddress(formatListenAddress(listen))}`)
}

async function get(url: URL): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    return { status: statusCode, text: await body.text() }
  } catch (cause) {
    const { code, name } = cause as NodeJS.ErrnoException
    throw new CommandError(
      `no daemon answers at ${url.origin} (${code ?? name}); start one with: layermesh serve`,
      { cause },
    )
  }
}

function notADaemon(origin: string, reason: string, cause?: unknown): CommandError {
  return new CommandError(`what answers at ${origin} is not a layermesh daemon: ${reason}`, { cause })
}

function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:5001')
}
