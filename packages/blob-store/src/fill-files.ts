import type { Disk } from './disk.ts'

/** The two files of a fill. */
export interface FillFiles {
  /** The bytes, as far as they have come: a sparse file. */
  readonly part: string
  /** Which pieces are complete; doesn't exist before the first one is. */
  readonly journal: string
}

/** The files of the fill whose file names begin with `stem`. */
export function fillFilesOf(stem: string): FillFiles {
  return { part: `${stem}.part`, journal: `${stem}.journal` }
}

/** Removes what there is of a fill's files. What a crash leaves of it is no pair, so that nobody goes on from it. */
export async function removeFillFiles(disk: Disk, files: FillFiles): Promise<void> {
  await disk.remove(files.part)
  await disk.remove(files.journal)
}
