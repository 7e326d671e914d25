import { execFile } from 'node:child_process'

/** What a finished command wrote. */
export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
}

/** Options of {@link runCommand}. */
export interface CommandOptions {
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Kills the command. */
  readonly signal?: AbortSignal | undefined
}

/** A command that exited with something other than 0, or could not be started. */
export class CommandError extends Error implements CommandResult {
  readonly stdout: string
  readonly stderr: string

  constructor(command: readonly string[], { stdout, stderr }: CommandResult, cause: Error) {
    super(`${command.join(' ')} failed: ${stderr}${stdout}`, { cause })
    this.stdout = stdout
    this.stderr = stderr
  }
}

/**
 * Runs a command to its end. Rejects with a {@link CommandError} that has its whole output when it exits with anything but 0, and with
 * `signal.reason` once an aborted one has ended.
 */
export function runCommand(
  file: string,
  args: readonly string[],
  { env, signal }: CommandOptions = {},
): Promise<CommandResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>()
  const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024, signal }
  execFile(file, args, options, (error, stdout, stderr) => {
    if (error === null) resolve({ stdout, stderr })
    else if (signal?.aborted === true) reject(signal.reason as Error)
    else reject(new CommandError([file, ...args], { stdout, stderr }, error))
  })
  return promise
}

/** Runs a command behind a launcher, which is nothing or the first part of a command itself. */
export function launchCommand(
  launcher: readonly string[],
  command: readonly string[],
  options?: CommandOptions,
): Promise<CommandResult> {
  const [file = '', ...args] = [...launcher, ...command]
  return runCommand(file, args, options)
}
