import assert from 'node:assert/strict'
import { peersText } from '../src/peers-command.ts'
import { PEERS } from './support/statuses.ts'

describe('peersText', () => {
  it('shows a line for each peer', () => {
    assert.equal(
      peersText(PEERS),
      `NAME    REGION  SITE     LINK   STATE       RTT  LOAD  BLOBS    HOLDS  VERSION  PEER ID
edge-8  eu-1    paris-3  site   suspect  0.4 ms  13 %      3  5.0 GiB  0.1.0    12D3KooWAAA
core-1  us-2    default  world  -             -     -      0      0 B  0.1.0    12D3KooWBBB
`,
    )
  })

  it('says how nodes find each other when there is none', () => {
    assert.match(peersText([]), /^no peers yet: .*mesh\.bootstrap\n$/)
  })
})
