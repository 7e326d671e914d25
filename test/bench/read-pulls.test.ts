import assert from 'node:assert/strict'

import { BenchError } from '../../bench/harness/bench-error.ts'
import { readPulls } from '../../bench/harness/workload/read-pulls.ts'

describe('readPulls', () => {
  it('reads a CSV in the order of time, from the first pull on', () => {
    const csv = 'time,client,image\n12.5,node-2,library/nginx:1.27\n10,node-1,library/redis\n'
    assert.deepEqual(readPulls(csv, 'x.csv'), [
      { atMs: 0, client: 'node-1', repository: 'library/redis', tag: 'latest' },
      { atMs: 2500, client: 'node-2', repository: 'library/nginx', tag: '1.27' },
    ])
  })

  it('names the line of a CSV that is wrong', () => {
    const csv = 'time,client,image\n1,node-1,library/redis\nsoon,node-1,library/redis\n'
    assert.throws(
      () => readPulls(csv, 'x.csv'),
      (error) =>
        error instanceof BenchError && error.message.startsWith('x.csv:3: expected time,client,image'),
    )
  })

  it('reads GETs of manifests from an access log, and passes over all else', () => {
    const log = [
      'time="2026-11-25T13:30:00Z" level=info msg="response completed"',
      '10.0.0.7:5123 - - [25/Nov/2026:13:30:00 +0000] "HEAD /v2/a/b/manifests/v1 HTTP/1.1" 200 500 "" "containerd"',
      '10.0.0.7 - - [25/Nov/2026:13:30:00 +0000] "GET /v2/a/b/manifests/v1?ns=x HTTP/1.1" 200 500 "" "containerd"',
      '10.0.0.7 - - [25/Nov/2026:13:30:01 +0000] "GET /v2/a/b/blobs/sha256:aa HTTP/1.1" 200 500 "" "containerd"',
      '10.0.0.8 - - [25/Nov/2026:15:30:03 +0200] "GET /v2/c/manifests/sha256:bb HTTP/1.1" 200 500 "" "containerd"',
      '10.0.0.8 - - [25/Nov/2026:13:30:04 +0000] "GET /v2/c/manifests/none HTTP/1.1" 404 50 "" "containerd"',
    ].join('\n')
    assert.deepEqual(readPulls(log, 'access.log'), [
      { atMs: 0, client: '10.0.0.7', repository: 'a/b', tag: 'v1' },
      { atMs: 3000, client: '10.0.0.8', repository: 'c', tag: 'sha256-bb' },
    ])
  })

  it('refuses a text without a pull', () => {
    assert.throws(() => readPulls('hello\n', 'x.txt'), BenchError)
  })
})
