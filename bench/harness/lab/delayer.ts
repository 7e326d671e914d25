import { systemClock } from '@layermesh/interface'

import { DelayLine } from './delay-line.ts'
import type { DelayedLink } from './delayer-process.ts'
import { openTap, type TapDevice } from './tap-device.ts'

// The wires of delayed links, in a process of their own on the network with the switches. Told on the command line which.

/** Node's code for a write to a device that is not up yet. */
const DEVICE_IS_DOWN = 'EIO'

const links = JSON.parse(process.argv[2] ?? '[]') as DelayedLink[]
for (const { delayMs, devices } of links) {
  const [near, far] = devices.map(openTap)
  if (near === undefined || far === undefined) continue
  void carry(near, far, delayMs)
  void carry(far, near, delayMs)
}
process.send?.('ready')
// Without its parent nobody could stop it. Threads that wait for a frame would hold up a good end.
process.on('disconnect', () => {
  process.kill(process.pid, 'SIGKILL')
})

async function carry(from: TapDevice, to: TapDevice, delayMs: number): Promise<void> {
  const deliver = (frame: Uint8Array) => {
    try {
      to.send(frame)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== DEVICE_IS_DOWN) throw error
    }
  }
  const line = new DelayLine({ clock: systemClock, deliver }, delayMs)
  for (;;) line.send(await from.receive())
}
