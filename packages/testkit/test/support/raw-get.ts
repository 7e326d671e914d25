import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** What came over the wire until the server closed the connection. */
export interface RawReply {
  readonly head: string
  /** Everything after the empty line, as it was sent: chunk framing and surplus bytes included. */
  readonly body: Buffer
}

/** Makes one request and reads until the server closes: for replies that a proper client wouldn't accept. */
export async function rawGet(port: number, path: string): Promise<RawReply> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
  const bytes = await buffer(socket)
  const end = bytes.indexOf('\r\n\r\n')
  return { head: bytes.subarray(0, end).toString('latin1'), body: bytes.subarray(end + 4) }
}
