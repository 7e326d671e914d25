import assert from 'node:assert/strict'
import type { PurgeReport } from '@layermesh/interface'
import { purgePlanText, purgeResultText, sumReports } from '../../src/cache/purge-report.ts'
import { REPORT } from '../support/cached-images.ts'

const NOTHING: PurgeReport = {
  dryRun: true,
  images: [],
  blobs: 0,
  bytes: 0,
  kept: { pinnedImages: [], sharedBlobs: 0, sharedBytes: 0 },
}

describe('sumReports', () => {
  it('adds up amounts and names each image once', () => {
    const other = { ...REPORT, images: [...REPORT.images, 'ghcr.io/org/app:1'], blobs: 2 }
    assert.deepEqual(sumReports([REPORT, other]), {
      dryRun: false,
      images: ['docker.io/library/nginx:1.26', 'ghcr.io/org/app:1'],
      blobs: 7,
      bytes: 6 * 2 ** 20,
      kept: { pinnedImages: ['docker.io/library/nginx:1.27'], sharedBlobs: 2, sharedBytes: 2 * 2 ** 20 },
    })
  })

  it('is the report when there is one', () => {
    assert.deepEqual(sumReports([REPORT]), REPORT)
  })
})

describe('purgePlanText', () => {
  it('says what would be freed, and what stays and why', () => {
    assert.equal(
      purgePlanText({ ...REPORT, dryRun: true }),
      `would free 3.0 MiB in 5 blobs, of 1 image
  docker.io/library/nginx:1.26
stays, because it is pinned:
  docker.io/library/nginx:1.27
stays, because other images use it: 1.0 MiB in 1 blob
`,
    )
  })

  it('lists no more than 20 images', () => {
    const images = Array.from({ length: 22 }, (_, index) => `docker.io/library/app:${index}`)
    const lines = purgePlanText({ ...NOTHING, images, blobs: 22 }).split('\n')
    assert.deepEqual(lines.slice(20), ['  docker.io/library/app:19', '  and 2 more', ''])
  })

  it('says that there is nothing, and what stays', () => {
    assert.equal(purgePlanText(NOTHING), 'there is nothing to free\n')
    assert.equal(
      purgePlanText({ ...NOTHING, kept: REPORT.kept }),
      `there is nothing to free
stays, because it is pinned:
  docker.io/library/nginx:1.27
stays, because other images use it: 1.0 MiB in 1 blob
`,
    )
  })
})

describe('purgeResultText', () => {
  it('says what was freed, and what stays and why', () => {
    assert.match(
      purgeResultText(REPORT),
      /^freed 3\.0 MiB in 5 blobs, of 1 image\nstays, because it is pinned:\n {2}docker/,
    )
  })
})
