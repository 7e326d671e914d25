import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'

/**
 * A link of a fixed rate in front of a server, for what it sends: `link.ts HOST PORT BYTES_PER_SECOND`. Run as a process of
 * its own; prints the port on 127.0.0.1 that leads through it.
 */
const [host = '', port, rate] = process.argv.slice(2)
const bytesPerMs = Number(rate) / 1000
/** When the last byte that was let through has left the link. */
let freeAtMs = performance.now()

const server = createServer({ noDelay: true }, (client) => {
  const target = connect({ host, port: Number(port), noDelay: true })
  for (const [one, other] of [
    [client, target],
    [target, client],
  ] as const) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
  client.pipe(target)
  // An end of either connection ends the other, which is all that there is to say.
  passOn(target, client).catch(() => client.destroy())
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})

async function passOn(target: Socket, client: Socket): Promise<void> {
  for await (const chunk of target as AsyncIterable<Buffer>) {
    freeAtMs = Math.max(freeAtMs, performance.now()) + chunk.length / bytesPerMs
    // Timers are too coarse for less.
    const waitMs = freeAtMs - performance.now()
    if (waitMs >= 1) await setTimeout(waitMs)
    if (!client.write(chunk)) await once(client, 'drain')
  }
  client.end()
}
