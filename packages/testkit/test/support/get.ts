import type { IncomingHttpHeaders } from 'node:http'
import { Agent, request } from 'undici'

/** A reply that came to its end. */
export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Options of {@link get}. */
export interface GetOptions {
  readonly method?: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

/** Makes one request on a connection of its own. Rejects when the reply breaks off; doesn't follow redirects. */
export async function get(url: string, options: GetOptions = {}): Promise<Got> {
  const dispatcher = new Agent()
  try {
    const { method = 'GET', ...rest } = options
    const { statusCode, headers, body } = await request(url, { method, dispatcher, ...rest })
    return { status: statusCode, headers, body: Buffer.from(await body.arrayBuffer()) }
  } finally {
    await dispatcher.destroy()
  }
}
