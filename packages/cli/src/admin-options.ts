import { formatListenAddress } from '@layermesh/interface'
import { InvalidArgumentError, type Command } from 'commander'
import type { CliIo } from './cli-io.ts'
import { CommandError } from './command-error.ts'
import { addConfigOptions, configOf, type ConfigOptions } from './config-options.ts'
import { reachableAddress } from './reachable-address.ts'

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

/** The origin of the daemon's admin endpoint. Throws a {@link CommandError} when the configuration doesn't say it. */
export async function adminOrigin(options: AdminOptions, io: CliIo): Promise<string> {
  if (options.admin !== undefined) return options.admin.origin
  const { listen } = (await configOf(options, io)).admin
  if (listen.port === 0) {
    throw new CommandError('admin.listen leaves the port to the system: name the daemon with --admin URL')
  }
  return `http://${reachableAddress(formatListenAddress(listen))}`
}

function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:5001')
}
