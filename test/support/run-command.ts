import { execFile } from 'node:child_process'

/** What a finished command wrote. */
export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end. Rejects with its whole output when it exits with anything but 0. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<CommandResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>()
  const env = { ...process.env, ...options.env }
  execFile(file, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
    if (error === null) resolve({ stdout, stderr })
    else reject(new Error(`${[file, ...args].join(' ')} failed: ${stderr}${stdout}`, { cause: error }))
  })
  return promise
}
