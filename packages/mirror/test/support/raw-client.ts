import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A client that sends bytes as they are, and hangs up when a test says so. */
export class RawClient implements Disposable {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers()
  #errorCode: string | undefined
  #onData = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#onData()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#errorCode = error.code
    })
    socket.on('close', () => this.#closed.resolve())
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Everything that has come so far, one character for each byte. */
  get received(): string {
    return Buffer.concat(this.#chunks).toString('latin1')
  }

  /** Sends the head of one request; `headerLines` come after Host. */
  request(method: string, target: string, ...headerLines: string[]): void {
    const lines = [`${method} ${target} HTTP/1.1`, 'Host: mirror', ...headerLines, '', '']
    this.socket.write(lines.join('\r\n'), 'latin1')
  }

  /** Waits until what has come matches `pattern`. */
  async whenReceived(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      const { promise, resolve }: PromiseWithResolvers<void> = Promise.withResolvers()
      this.#onData = resolve
      await Promise.race([promise, this.#failOnClose()])
    }
    return this.received
  }

  /** Waits for the end of the connection; resolves with the code of its error, or undefined for a clean end. */
  async whenClosed(): Promise<string | undefined> {
    await this.#closed.promise
    return this.#errorCode
  }

  /** Waits for the end of the connection, which must not be an error; resolves with how many bytes of the body that was announced never came. */
  async whenCut(): Promise<number> {
    assert.equal(await this.whenClosed(), undefined)
    const bodyAt = this.received.indexOf('\r\n\r\n') + 4
    const announced = Number(/^content-length: (\d+)\r$/im.exec(this.received)?.[1])
    return announced - (this.received.length - bodyAt)
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  async #failOnClose(): Promise<never> {
    await this.#closed.promise
    throw new Error(`the connection was closed after ${JSON.stringify(this.received)}`)
  }
}
