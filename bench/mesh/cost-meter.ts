import { readFile } from 'node:fs/promises'
import { cpuSecondsOf } from '../support/process-cpu.ts'
import type { ChildNode } from './child-node.ts'

/** What a node costs in a second, on average over all nodes. */
export interface Cost {
  readonly seconds: number
  /** Sent, and as many received; with the headers of TCP and IP, and with acknowledgements. */
  readonly bytesPerSecond: number
  readonly packetsPerSecond: number
  /** Share of one core. */
  readonly cpuShare: number
  /** Share of the machine's processor time that nobody used: with none left, times say more about the machine. */
  readonly machineIdleShare: number
}

interface Reading {
  readonly atMs: number
  readonly bytes: number
  readonly packets: number
  readonly cpuSeconds: number
  readonly machineTicks: number
  readonly machineIdleTicks: number
}

/** Reads what processes use, and what the loopback of this network namespace carries. */
export class CostMeter {
  readonly #processes: readonly ChildNode[]
  readonly #nodes: number

  constructor(processes: readonly ChildNode[], nodes: number) {
    this.#processes = processes
    this.#nodes = nodes
  }

  /** What all processes have used since they started. */
  async cpuSeconds(): Promise<number> {
    const seconds = await Promise.all(this.#processes.map(({ pid }) => cpuSecondsOf(pid)))
    return seconds.reduce((sum, each) => sum + each, 0)
  }

  /** Measures a phase. */
  async during<Result>(
    phase: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly cost: Cost }> {
    const before = await this.#read()
    const result = await phase()
    const after = await this.#read()
    const seconds = (after.atMs - before.atMs) / 1000
    const perNodeAndSecond = (name: 'bytes' | 'packets' | 'cpuSeconds') =>
      (after[name] - before[name]) / this.#nodes / seconds
    return {
      result,
      cost: {
        seconds,
        bytesPerSecond: perNodeAndSecond('bytes'),
        packetsPerSecond: perNodeAndSecond('packets'),
        cpuShare: perNodeAndSecond('cpuSeconds'),
        machineIdleShare:
          (after.machineIdleTicks - before.machineIdleTicks) / (after.machineTicks - before.machineTicks),
      },
    }
  }

  async #read(): Promise<Reading> {
    // Eight columns of what was received, and then bytes and packets that were sent. /sys shows the machine's own namespace.
    const devices = await readFile('/proc/self/net/dev', 'utf8')
    const sent = /^\s*lo:(?:\s+\d+){8}\s+(\d+)\s+(\d+)/m.exec(devices)
    // Ticks by kind (proc(5)): user, nice, system, idle, and so on. The last two, of guests, are part of the first two.
    const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n', 1)
    const ticks = line.split(/\s+/).slice(1, 9).map(Number)
    return {
      atMs: performance.now(),
      bytes: Number(sent?.[1]),
      packets: Number(sent?.[2]),
      cpuSeconds: await this.cpuSeconds(),
      machineTicks: ticks.reduce((sum, each) => sum + each, 0),
      machineIdleTicks: ticks[3] ?? 0,
    }
  }
}
