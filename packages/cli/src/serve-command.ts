import type { Command } from 'commander'
import type { CliIo } from './cli-io.ts'
import { addConfigOptions, configOf, type ConfigOptions } from './config-options.ts'

const EXAMPLES = `
Examples:
  layermesh serve
  layermesh serve --config /etc/layermesh.yaml
  layermesh serve --set locality.site=paris-3 --set 'mesh.bootstrap=[/dns4/node1/tcp/4001]'

The log goes to standard output, as JSON lines where that is no terminal. Ctrl-C stops the node.`

/** `layermesh serve`: runs a node until it is told to stop. */
export function addServeCommand(program: Command, io: CliIo): void {
  const command = program.command('serve').description('run a node')
  addConfigOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: ConfigOptions) => {
      const config = await configOf(options, io)
      // Only this command needs a whole node, and loading one takes longer than any other command runs.
      const { serve } = await import('./serve.ts')
      await serve(config, io)
    })
}
