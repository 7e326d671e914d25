import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'

/**
 * A client that costs little: reads one HTTP reply into one buffer, over and over, and counts. Run as a process of
 * its own: `download.ts URL`; prints the seconds and the bytes of the body as JSON.
 */
const url = new URL(process.argv[2] ?? '')
const buffer = Buffer.allocUnsafe(1024 * 1024)
const startedMs = performance.now()
let head = ''
let bodyBytes = 0
let expectedBytes = Number.POSITIVE_INFINITY

const socket = connect({
  host: url.hostname,
  port: Number(url.port),
  onread: {
    buffer,
    callback(length, chunk) {
      if (Number.isFinite(expectedBytes)) bodyBytes += length
      else readHead(Buffer.from(chunk.buffer, chunk.byteOffset, length))
      if (bodyBytes >= expectedBytes) finish()
      return true
    },
  },
})
socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`)
socket.on('error', (error) => fail(error.message))
socket.on('close', () => fail(`the reply ended after ${bodyBytes} bytes`))

function readHead(chunk: Buffer): void {
  head += chunk.toString('latin1')
  const end = head.indexOf('\r\n\r\n')
  if (end === -1) return
  if (!head.startsWith('HTTP/1.1 200 ')) fail(`unexpected reply: ${head.slice(0, 40)}`)
  expectedBytes = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1])
  bodyBytes = head.length - end - 4
}

function finish(): void {
  const seconds = (performance.now() - startedMs) / 1000
  process.stdout.write(JSON.stringify({ seconds, bytes: bodyBytes }))
  process.exit(0)
}

function fail(reason: string): void {
  process.stderr.write(reason)
  process.exit(1)
}
