import type { ServerResponse } from 'node:http'
import { OWN_REPLY } from './cache-status.ts'
import { API_VERSION } from './content-headers.ts'

const PING_BODY = '{}'

const PLAIN: readonly string[] = [...API_VERSION, 'Cache-Status', OWN_REPLY]

/** Says that this is a registry (distribution-spec 1.1, "Determining Support"); nobody is asked for it. */
export function sendPing(response: ServerResponse): void {
  const { length } = PING_BODY
  response.writeHead(200, [...PLAIN, 'Content-Type', 'application/json', 'Content-Length', String(length)])
  response.end(PING_BODY)
}

/** Sends a client that left out the slash of the ping to the path with it. */
export function sendPingRedirect(response: ServerResponse, location: string): void {
  response.writeHead(301, [...PLAIN, 'Location', location, 'Content-Length', '0'])
  response.end()
}

/** Says what can be done here (RFC 9110 §9.3.7), and nothing by which a page of another site could read a reply. */
export function sendOptions(response: ServerResponse): void {
  response.writeHead(204, [...PLAIN, 'Allow', 'GET, HEAD, OPTIONS'])
  response.end()
}
