import assert from 'node:assert/strict'
import { welcomeText } from '../src/welcome-text.ts'

describe('welcomeText', () => {
  it('says who the node is, where it can be reached from this machine, and how runtimes find it', () => {
    const addresses = {
      mirror: ['0.0.0.0:5000', '[::1]:5000'],
      admin: '127.0.0.1:5001',
      mesh: ['/ip4/10.0.0.7/tcp/4001/p2p/12D3KooWAAA'],
    }
    const text = welcomeText(
      { addresses, peerId: '12D3KooWAAA' },
      { name: 'edge-7', dataDir: '/var/lib/layermesh' },
    )
    assert.deepEqual(text.split('\n').slice(0, 7), [
      'node    edge-7 (12D3KooWAAA)',
      'data    /var/lib/layermesh',
      'mirror  http://127.0.0.1:5000',
      'mirror  http://[::1]:5000',
      'admin   http://127.0.0.1:5001',
      'mesh    /ip4/10.0.0.7/tcp/4001/p2p/12D3KooWAAA',
      '',
    ])
    for (const runtime of ['Docker', 'containerd', 'Podman']) {
      assert.match(text, new RegExp(`^${runtime} .*127\\.0\\.0\\.1:5000`, 'm'))
    }
  })
})
