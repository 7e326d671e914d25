import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** What a sandbox is made of (util-linux): mounts, addresses and processes of its own, all gone with its first process. */
const UNSHARE = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']

/** Programs of packages only, none that somebody has put into /usr/local. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** How much of what the program writes to standard error is kept, in characters from its end. */
const MAX_KEPT_ERRORS = 4096

/** Options of {@link runInSandbox}. */
export interface SandboxOptions {
  /** The whole environment but for PATH. */
  readonly env: Readonly<Record<string, string>>
  /** Ends the program and everything that it has started. */
  readonly signal: AbortSignal
}

/**
 * Runs a TypeScript program in namespaces of its own and yields the lines that it writes to standard output. Whatever it mounts, listens on or
 * starts is gone when it ends, however that comes about. Throws what it wrote to standard error when it fails, and `signal.reason`.
 */
export async function* runInSandbox(
  program: string,
  args: readonly string[],
  { env, signal }: SandboxOptions,
): AsyncGenerator<string, void, undefined> {
  signal.throwIfAborted()
  const [file = '', ...options] = [...UNSHARE, process.execPath, program, ...args]
  // Standard input is what the program sees this process's end by.
  const child = spawn(file, options, { env: { ...env, PATH }, stdio: ['pipe', 'pipe', 'pipe'] })
  // Who has ended reads no more.
  child.stdin.on('error', () => {})
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  const ended = once(child, 'close') as Promise<[number | null]>
  // Awaited below; until then a failure to start must not count as unhandled.
  ended.catch(() => {})
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-MAX_KEPT_ERRORS)
  })
  try {
    yield* createInterface({ input: child.stdout })
    const [code] = await ended
    signal.throwIfAborted()
    if (code !== 0) throw new Error(`the sandbox has failed: ${errors.trim()}`)
  } finally {
    signal.removeEventListener('abort', kill)
    kill()
    await ended.catch(() => {})
  }
}

/** Why this machine gives no namespaces to this process; undefined if it does. */
export function whyNoSandbox(): string | undefined {
  const [file = '', ...options] = UNSHARE
  const { error, status } = spawnSync(file, [...options, 'true'])
  return error === undefined && status === 0 ? undefined : 'namespaces of its own'
}
