import CliTable from 'cli-table3'

const NO_BORDERS = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '' },
  middle: '  ',
}

/** On which side of its column a cell stands. */
export type Alignment = 'left' | 'right'

/** Rows in aligned columns, without borders; each row ends in a line break. */
export function formatTable(alignments: readonly Alignment[], rows: readonly (readonly string[])[]): string {
  const table = new CliTable({
    colAligns: [...alignments],
    chars: NO_BORDERS,
    style: { border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  table.push(...rows.map((cells) => cells.map(printable)))
  return table.toString().replaceAll(/ *$/gm, '').concat('\n')
}

// Names come from other nodes: one with control characters could rewrite the screen.
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '�')
}
