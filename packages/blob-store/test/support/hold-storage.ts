/** Run as `hold-storage.ts <data folder>`: opens it, says so, and keeps it until standard input ends. */
import { once } from 'node:events'
import { silentLog, systemClock } from '@layermesh/interface'
import { createMetrics } from '@layermesh/telemetry'
import { openStorage } from '../../src/index.ts'

const [dataDir = ''] = process.argv.slice(2)
const storage = await openStorage(
  { log: silentLog, clock: systemClock, metrics: createMetrics() },
  { dataDir },
)
process.stdout.write('open\n')
await once(process.stdin.resume(), 'end')
await storage.close()
