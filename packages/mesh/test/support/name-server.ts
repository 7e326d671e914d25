import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Resolver } from 'node:dns/promises'
import { decode, encode, type Answer } from 'dns-packet'

/** A name server on loopback whose records a test can change. */
export class NameServer implements AsyncDisposable {
  /** What is answered; a name and type without records does not exist. */
  records: readonly Answer[] = []
  /** The names that were asked for. */
  readonly asked: string[] = []
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (query, from) => {
      const { id, questions = [] } = decode(query)
      const [question] = questions
      if (question === undefined) return
      this.asked.push(question.name)
      const answers = this.records.filter(
        ({ name, type }) => name === question.name && type === question.type,
      )
      // 3 says that there is no such name.
      const flags = answers.length > 0 ? 0 : 3
      socket.send(
        encode({ type: 'response', id: id ?? 0, flags, questions, answers: [...answers] }),
        from.port,
        from.address,
      )
    })
  }

  static async start(): Promise<NameServer> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new NameServer(socket)
  }

  /** A resolver that asks this server alone. */
  resolver(): Resolver {
    const resolver = new Resolver({ timeout: 2000, tries: 2 })
    resolver.setServers([`127.0.0.1:${this.#socket.address().port}`])
    return resolver
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}
