import { request, type Dispatcher } from 'undici'
import { adminOrigin, type AdminOptions } from './admin-options.ts'
import { readAdminToken, TOKEN_ADVICE, type AdminToken, type TokenOptions } from './admin-token.ts'
import type { CliIo } from './cli-io.ts'
import { CommandError } from './command-error.ts'
import { textLines } from './text-lines.ts'
import { WrongUsageError } from './wrong-usage-error.ts'

const READ_TIMEOUT_MS = 10_000

type Body = Dispatcher.ResponseData['body']

/** A request that changes something. */
export interface Change {
  readonly method: 'PUT' | 'POST' | 'DELETE'
  /** Path of the admin API, with its query. */
  readonly path: string
  /** What is sent as JSON. */
  readonly body?: object
}

interface Call {
  /** @default 'GET' */
  readonly method?: 'GET' | Change['method']
  readonly path: string
  readonly body?: object
  readonly token?: AdminToken
  readonly signal?: AbortSignal
}

/** Asks the daemon; `path` is one of its admin API. Throws a {@link CommandError} when it can't be asked. */
export async function askDaemon<Answer>(path: string, options: AdminOptions, io: CliIo): Promise<Answer> {
  const origin = await adminOrigin(options, io)
  const body = await send(origin, { path, signal: AbortSignal.timeout(READ_TIMEOUT_MS) })
  return parseAnswer(origin, await readText(origin, body)) as Answer
}

/** Has the daemon change something. Throws a {@link CommandError} when it can't be asked, or refuses. */
export async function tellDaemon<Answer>(change: Change, options: TokenOptions, io: CliIo): Promise<Answer> {
  const origin = await adminOrigin(options, io)
  const body = await send(origin, { ...change, token: await readAdminToken(options, io) })
  return parseAnswer(origin, await readText(origin, body)) as Answer
}

/** As {@link tellDaemon}, for an answer that comes step by step. Who stops to read breaks it off. */
export async function* followDaemon<Step>(
  change: Change,
  options: TokenOptions,
  io: CliIo,
): AsyncIterable<Step> {
  const origin = await adminOrigin(options, io)
  const body = await send(origin, { ...change, token: await readAdminToken(options, io) })
  try {
    for await (const line of textLines(body)) yield parseAnswer(origin, line) as Step
  } catch (cause) {
    throw cause instanceof CommandError ? cause : brokenOff(origin, cause)
  }
}

async function send(origin: string, call: Call): Promise<Body> {
  const { statusCode, body } = await connect(origin, call)
  if (statusCode === 200) return body
  throw refusal(origin, statusCode, await readText(origin, body), call.token)
}

async function connect(origin: string, { body, method = 'GET', path, signal, token }: Call) {
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token.token}` }
  try {
    return await request(new URL(path, origin), {
      method,
      headers: { ...json, ...authorization },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
      // A change takes as long as it takes; a daemon that dies is noticed at once.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  } catch (cause) {
    const { code, name } = cause as NodeJS.ErrnoException
    const reason = `no daemon answers at ${origin} (${code ?? name})`
    throw new CommandError(`${reason}; start one with: layermesh serve`, { cause })
  }
}

async function readText(origin: string, body: Body): Promise<string> {
  try {
    return await body.text()
  } catch (cause) {
    throw brokenOff(origin, cause)
  }
}

function parseAnswer(origin: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw notADaemon(origin, 'its answer is not JSON', cause)
  }
}

function refusal(origin: string, status: number, text: string, token: AdminToken | undefined): CommandError {
  const reason = refusalReason(text)
  if (reason === undefined) return notADaemon(origin, `it answers with the status ${status}`)
  if (status === 400) return new WrongUsageError(reason)
  if (status === 401 && token !== undefined) {
    return new CommandError(
      `the daemon at ${origin} has another admin token than ${token.file}: ${TOKEN_ADVICE}`,
    )
  }
  return new CommandError(reason)
}

// The daemon says in JSON why it refuses.
function refusalReason(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown }
    return typeof error === 'string' ? error : undefined
  } catch {
    return undefined
  }
}

function brokenOff(origin: string, cause: unknown): CommandError {
  return new CommandError(`the daemon at ${origin} broke off; its log says why`, { cause })
}

function notADaemon(origin: string, reason: string, cause?: unknown): CommandError {
  return new CommandError(`what answers at ${origin} is not a layermesh daemon: ${reason}`, { cause })
}
