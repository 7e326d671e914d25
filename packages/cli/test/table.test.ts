import assert from 'node:assert/strict'
import { formatTable } from '../src/table.ts'

describe('formatTable', () => {
  it('aligns columns without borders or trailing spaces', () => {
    const table = formatTable(
      ['left', 'right', 'left'],
      [
        ['name', 'bytes', ''],
        ['a', '1', 'x'],
        ['longer', '12345678', ''],
      ],
    )
    assert.equal(table, 'name       bytes\na              1  x\nlonger  12345678\n')
  })

  it('replaces control characters, which other nodes could put into their names', () => {
    assert.equal(formatTable(['left'], [['a\u001b[2Jb\nc']]), 'a�[2Jb�c\n')
  })
})
