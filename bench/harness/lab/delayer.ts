import { setPriority } from 'node:os'

import { systemClock } from '@layermesh/interface'

import { DelayLine } from './delay-line.ts'
import type { DelayedLink } from './delayer-process.ts'
import { openTap, whenAnySends, type TapDevice } from './tap-device.ts'

// The wires of delayed links, in a process of their own on the network with the switches. Told on the command line which.

/** Before those that it connects, as a wire would be: on a busy machine it would otherwise be slower than its delay. */
const PRIORITY = -20

/** One device must not keep the others waiting. */
const MAX_FRAMES_AT_ONCE = 64

const lines = (JSON.parse(process.argv[2] ?? '[]') as DelayedLink[]).flatMap(({ delayMs, devices }) => {
  const [near, far] = [openTap(devices[0]), openTap(devices[1])]
  return [wire(near, far, delayMs), wire(far, near, delayMs)]
})
try {
  setPriority(PRIORITY)
} catch {
  // In a container that isn't allowed to.
}
process.send?.('ready')
// Without its parent nobody could stop it. The thread that waits for a frame would hold up a good end.
process.on('disconnect', () => {
  process.kill(process.pid, 'SIGKILL')
})
for (;;) {
  await whenAnySends(lines.map(({ from }) => from))
  for (const { from, line } of lines) carry(from, line)
}

function wire(from: TapDevice, to: TapDevice, delayMs: number) {
  const deliver = (frame: Uint8Array) => {
    to.send(frame)
  }
  return { from, line: new DelayLine({ clock: systemClock, deliver }, delayMs) }
}

/** Takes many at a time: to be woken for each would cost more than to carry it. */
function carry(from: TapDevice, line: DelayLine): void {
  for (let count = 0; count < MAX_FRAMES_AT_ONCE; count += 1) {
    const frame = from.receive()
    if (frame === undefined) return
    line.send(frame)
  }
}
