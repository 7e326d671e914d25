import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

import { ACCEPT, type Load } from './load-result.ts'

/** One whole reply. */
export interface Reply {
  /** Milliseconds from the request to the first byte of the reply. */
  readonly firstByteMs: number
  /** Milliseconds from the request to the last byte of the reply. */
  readonly totalMs: number
  readonly bodyBytes: number
}

/** A keep-alive connection that costs little: replies are read into one buffer over and over, and counted. */
export class ClientConnection {
  readonly #method: Load['method']
  readonly #socket: Socket
  #head = ''
  #firstByteMs = 0
  #bodyBytes = 0
  /** Undefined before the head of the reply is read. */
  #lengthBytes: number | undefined
  #askedMs = 0
  #reply = Promise.withResolvers<Reply>()

  constructor({ hostname, port }: URL, { method, bufferBytes }: Pick<Load, 'method' | 'bufferBytes'>) {
    this.#method = method
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(bufferBytes),
        callback: (length, chunk) => {
          this.#read(chunk, length)
          return true
        },
      },
    })
    this.#socket.on('error', (error) => this.#reply.reject(error))
    this.#socket.on('end', () => this.#reply.reject(new Error('the server has closed the connection')))
  }

  /** Asks for one thing; rejects unless it is answered 200 in full. */
  ask({ host, pathname, search }: URL): Promise<Reply> {
    this.#reply = Promise.withResolvers<Reply>()
    this.#head = ''
    this.#lengthBytes = undefined
    this.#bodyBytes = 0
    this.#askedMs = performance.now()
    this.#socket.write(
      `${this.#method} ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nAccept: ${ACCEPT}\r\n\r\n`,
    )
    return this.#reply.promise
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Uint8Array, length: number): void {
    if (this.#lengthBytes === undefined) this.#readHead(Buffer.from(chunk.buffer, chunk.byteOffset, length))
    else this.#take(length, this.#lengthBytes)
  }

  #readHead(chunk: Buffer): void {
    if (this.#head === '') this.#firstByteMs = performance.now() - this.#askedMs
    this.#head += chunk.toString('latin1')
    const end = this.#head.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = this.#head.slice(0, end)
    const lengthBytes = Number(/^content-length: (\d+)\r?$/im.exec(head)?.[1])
    if (!head.startsWith('HTTP/1.1 200 ') || !Number.isSafeInteger(lengthBytes)) {
      this.#reply.reject(new Error(`unexpected reply: ${head.slice(0, 60)}`))
      return
    }
    this.#lengthBytes = this.#method === 'HEAD' ? 0 : lengthBytes
    this.#take(this.#head.length - end - 4, this.#lengthBytes)
  }

  #take(count: number, lengthBytes: number): void {
    this.#bodyBytes += count
    if (this.#bodyBytes < lengthBytes) return
    if (this.#bodyBytes > lengthBytes) this.#reply.reject(new Error('the reply is longer than it said'))
    const totalMs = performance.now() - this.#askedMs
    this.#reply.resolve({ firstByteMs: this.#firstByteMs, totalMs, bodyBytes: this.#bodyBytes })
  }
}
