import { readFile } from 'node:fs/promises'

/** Address of the mirror in the files of `deploy/`. */
const DEFAULT_MIRROR = '127.0.0.1:5000'

/** Reads a file that users copy from `deploy/`, with the address of another mirror in it. */
export async function deployFile(name: string, mirrorUrl: string): Promise<string> {
  const text = await readFile(new URL(`../../deploy/${name}`, import.meta.url), 'utf8')
  return text.replaceAll(DEFAULT_MIRROR, new URL(mirrorUrl).host)
}
