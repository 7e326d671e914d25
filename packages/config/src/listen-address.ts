import { isIPv4, isIPv6 } from 'node:net'
import type { ListenAddress } from '@layermesh/interface'
import type { Format } from './format.ts'

const HOST_NAME = /^[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*$/i
const ENDS_IN_NUMBER = /(^|\.)\d+$/

/** `host:port`, with an IPv6 address in brackets (RFC 3986 §3.2.2). */
export const listenAddress: Format<ListenAddress> = {
  name: 'listen-address',
  allowed: 'host:port, such as 127.0.0.1:5000 or [::1]:5000',
  parse(text) {
    const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
    const host = bracketed ?? plain
    const port = Number(digits)
    if (host === undefined || port > 65_535) return undefined
    const valid = bracketed === undefined ? isHost(host) : isIPv6(host)
    return valid ? { host, port } : undefined
  },
}

// A name whose last label is a number can only be meant as an IPv4 address (WHATWG URL, "ends in a number").
function isHost(host: string): boolean {
  return isIPv4(host) || (HOST_NAME.test(host) && !ENDS_IN_NUMBER.test(host))
}
