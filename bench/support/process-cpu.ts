import { readFile } from 'node:fs/promises'

/** Clock ticks a second of the times in /proc: USER_HZ, 100 on every Linux architecture that Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100

/** CPU time in seconds, user and system, that a process and its threads have used since it started. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The second field is the program's name in brackets, and may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Largest resident set that a process has had, in bytes. */
export async function peakMemoryBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
}
