import assert from 'node:assert/strict'
import { ListenError } from '@layermesh/interface'
import { listenErrorOf } from '../src/listen-error.ts'

describe('listenErrorOf', () => {
  const listen = ['/ip4/127.0.0.1/tcp/40', '/ip4/127.0.0.1/tcp/4001', '/ip6/0:0:0:0:0:0:0:1/tcp/4001']
  const messageFor = (cause: Error) => {
    const error = listenErrorOf(cause, listen)
    assert.ok(error instanceof ListenError)
    assert.equal(error.cause, cause)
    return error.message
  }

  it('names the address that failed, as it was written, and the reason', () => {
    const cause = new Error('some failed:\n  /ip4/127.0.0.1/tcp/4001: Error: listen EACCES')
    assert.equal(
      messageFor(cause),
      "mesh.listen: can't listen on /ip4/127.0.0.1/tcp/4001: this needs more rights (EACCES)",
    )
    const other = new Error('some failed:\n  /ip6/::1/tcp/4001: Error: Unsupported listen address')
    assert.equal(messageFor(other), `mesh.listen: can't listen on ${listen[2]}: libp2p refuses`)
  })

  it('returns a failure that is not about an address', () => {
    const cause = new Error('out of memory')
    assert.equal(listenErrorOf(cause, listen), cause)
  })
})
