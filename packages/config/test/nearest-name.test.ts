import assert from 'node:assert/strict'
import { nearestName } from '../src/nearest-name.ts'

describe('nearestName', () => {
  const names = ['mirror.listen', 'admin.listen', 'log.level']

  it('finds the name that a few letters are missing from', () => {
    assert.equal(nearestName('miror.lissten', names), 'mirror.listen')
  })

  it('ignores case', () => {
    assert.equal(nearestName('LOG.LEVEL', names), 'log.level')
  })

  it('prefers the nearest of several', () => {
    assert.equal(nearestName('adminn.listen', names), 'admin.listen')
  })

  it('finds nothing for a name that is far from all', () => {
    assert.equal(nearestName('cache.maxBytes', names), undefined)
  })
})
