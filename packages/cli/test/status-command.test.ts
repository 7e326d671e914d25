import assert from 'node:assert/strict'
import { statusText } from '../src/status-command.ts'
import { STATUS } from './support/statuses.ts'

describe('statusText', () => {
  it('shows facts, bytes by where they came from or went to, and upstreams of which there is something to say', () => {
    assert.equal(
      statusText(STATUS),
      `node     edge-7, layermesh 0.1.0
peer id  12D3KooWGC6DrWwnA3uGmQoGYCu9dNzE5xDQzLHPYdWzLBpEZ1xH
place    region eu-1, site paris-3
up       2 h 5 min, since 2026-01-01T00:00:00.000Z
mirror   127.0.0.1:5000
mesh     2 other members; open to whoever can reach it
         /ip4/10.0.0.7/tcp/4001
cache    1.5 GiB in 42 blobs, 1 being filled

bytes                     cache      site  region  world  upstream
served to clients from  3.0 GiB   1.0 GiB     0 B    0 B     512 B
fetched from                      1.0 GiB     0 B    0 B   2.0 KiB
sent to peers in                 10.0 GiB     0 B    0 B

upstream docker.io  cache.example         left alone after failures
upstream docker.io  registry-1.docker.io  answers; 20 of 100 pulls in 6 h 0 min left
`,
    )
  })
})
