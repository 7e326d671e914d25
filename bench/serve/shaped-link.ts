import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A link that runs; disposing of it ends it. */
export interface ShapedLink extends AsyncDisposable {
  /** What leads through the link to the server. */
  readonly url: string
}

/** Puts a link of so many bytes a second in front of the server at `url`. */
export async function startShapedLink(url: string, bytesPerSecond: number): Promise<ShapedLink> {
  const { hostname, port } = new URL(url)
  const script = fileURLToPath(new URL('link.ts', import.meta.url))
  const child = spawn(process.execPath, [script, hostname, port, String(bytesPerSecond)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return {
    url: `http://127.0.0.1:${line}`,
    async [Symbol.asyncDispose]() {
      child.kill()
      await exited
    },
  }
}
