import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { type Clock, UpstreamCredentialsError } from '@layermesh/interface'
import type { Secret } from './credential.ts'
import { secretOf } from './docker-config.ts'

/** How long a helper may take, in milliseconds; some ask the API of a cloud. */
export const HELPER_TIMEOUT_MS = 20_000
/** The longest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 64 * 1024
/** What may stand behind `docker-credential-`: no path, no option. */
const HELPER_NAME = /^[A-Za-z0-9][\w.-]*$/
/** How helpers say that they know no login (docker-credential-helpers, "errCredentialsNotFound"). */
const NOT_FOUND = 'credentials not found'

/** Asks a helper for the login of a registry, undefined when it knows none. Throws ERR_UPSTREAM_CREDENTIALS. */
export type AskHelper = (name: string, server: string) => Promise<Secret | undefined>

/**
 * Runs `docker-credential-<name> get` from the `PATH`, without a shell, with the server's address on its standard input.
 * What it writes to its standard error is not looked at: nobody knows what secrets are in it.
 */
export function createAskHelper(clock: Clock): AskHelper {
  return async (name, server) => {
    if (!HELPER_NAME.test(name)) {
      throw new UpstreamCredentialsError(`${JSON.stringify(name)} can not be the name of a credential helper`)
    }
    const program = `docker-credential-${name}`
    const { code, output } = await run(program, server, clock)
    if (code !== 0) {
      if (output.toLowerCase().includes(NOT_FOUND)) return undefined
      throw new UpstreamCredentialsError(`${program} ended with ${code ?? 'a signal'}`)
    }
    return parseAnswer(program, output)
  }
}

interface Ended {
  readonly code: number | null
  readonly output: string
}

async function run(program: string, input: string, clock: Clock): Promise<Ended> {
  const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'], shell: false })
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const stop = (what: string) => {
    // Not left to the signal alone: a grandchild may hold the pipe open.
    child.kill('SIGKILL')
    child.stdout.destroy()
    fail(new UpstreamCredentialsError(`${program} ${what}`))
  }
  child.once('error', (cause) => {
    fail(new UpstreamCredentialsError(`${program} can not be run`, { cause }))
  })
  // One that doesn't read its input closes it; its answer tells what that means.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  let sizeBytes = 0
  child.stdout.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_ANSWER_BYTES) stop(`answered with more than ${MAX_ANSWER_BYTES} bytes`)
  })
  const answered = Promise.all([ended, text(child.stdout)])
  answered.catch(() => {})
  const cancel = clock.setTimer(HELPER_TIMEOUT_MS, () =>
    stop(`gave no answer in ${HELPER_TIMEOUT_MS / 1000} s`),
  )
  try {
    const [code, output] = await Promise.race([answered, failed])
    return { code, output }
  } finally {
    cancel()
  }
}

function parseAnswer(program: string, output: string): Secret | undefined {
  try {
    const { Username: username, Secret: secret } = JSON.parse(output) as Record<string, unknown>
    const found = secretOf(typeof username === 'string' ? username : undefined, secret as string | undefined)
    if (found !== undefined && typeof secret === 'string') return found
  } catch {
    // The cause would quote the answer.
  }
  throw new UpstreamCredentialsError(`${program} answered with no login`)
}
