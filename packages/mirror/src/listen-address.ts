/** A TCP address to listen on. */
export interface ListenAddress {
  /** An IP address without brackets, or a host name. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

/** Writes an address as `host:port`, with an IPv6 address in brackets (RFC 3986 §3.2.2). */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
