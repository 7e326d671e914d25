import { readFile, writeFile } from 'node:fs/promises'

import { cpuSecondsOf, peakMemoryBytesOf } from '../support/process-cpu.ts'
import { type Load, type LoadResult, runLoad } from './load-result.ts'

/** A server that is measured. */
export interface Server {
  readonly name: 'layermesh' | 'docker-registry'
  readonly pid: number
  readonly url: string
}

/** What a server did under a load, and what it took. */
export interface Sample extends LoadResult {
  /** Of the server, all its threads. */
  readonly cpuSeconds: number
  /** Largest resident set during the load, in bytes. */
  readonly peakMemoryBytes: number
}

/** Puts a load on a server. */
export async function measure({ pid }: Server, load: Load): Promise<Sample> {
  await forgetPeakMemory(pid)
  const cpuBefore = await cpuSecondsOf(pid)
  const result = await runLoad(load)
  const cpuSeconds = (await cpuSecondsOf(pid)) - cpuBefore
  return { ...result, cpuSeconds, peakMemoryBytes: await peakMemoryBytesOf(pid) }
}

/** Resident memory of a server, in bytes. */
export async function residentBytesOf({ pid }: Server): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
}

/** Makes the largest resident set that of now (proc(5), clear_refs). */
async function forgetPeakMemory(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
}
