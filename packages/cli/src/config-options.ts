import { loadConfig, type Config } from '@layermesh/config'
import type { Command } from 'commander'
import type { CliIo } from './cli-io.ts'

/** The options of all commands that need the configuration. */
export interface ConfigOptions {
  readonly config?: string
  readonly set?: readonly string[]
}

/** Adds the options of {@link ConfigOptions} to a command. */
export function addConfigOptions(command: Command): Command {
  return command
    .option('--config <file>', 'YAML file with settings; docs/configuration.md has them all')
    .option('--set <key=value>', 'a setting, its value in YAML; can be repeated', append)
}

/** The configuration from the options and the environment. Throws ERR_CONFIG_INVALID. */
export function configOf({ config, set = [] }: ConfigOptions, { env }: CliIo): Promise<Config> {
  return loadConfig({ file: config, env, set })
}

function append(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
