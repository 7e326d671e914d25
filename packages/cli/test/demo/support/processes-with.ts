import { readdir, readFile } from 'node:fs/promises'

/** The ids of the other processes with an entry of the environment, `NAME=value`; none where the system has no /proc. */
export async function processesWith(entry: string): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [])
  const ids = names.map(Number).filter((id) => Number.isInteger(id) && id !== process.pid)
  const found = await Promise.all(
    ids.map(async (id) => {
      // A process can end, or belong to somebody else.
      const environment = await readFile(`/proc/${id}/environ`, 'utf8').catch(() => '')
      return environment.split('\0').includes(entry) ? [id] : []
    }),
  )
  return found.flat()
}
