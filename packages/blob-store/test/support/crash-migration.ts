/** Run as `crash-migration.ts <data folder> <migration point> <count>`: opens a data folder with {@link TEST_MIGRATIONS}, and kills itself when the point comes for the count-th time. */
import { silentLog, systemClock } from '@layermesh/interface'
import { DataLayout } from '../../src/data-layout.ts'
import { openStorageDatabase } from '../../src/storage-database.ts'
import { TEST_MIGRATIONS } from './test-migrations.ts'

const [dataDir = '', crashPoint = '', count = ''] = process.argv.slice(2)
let left = Number(count)

function faultHook(point: string): void {
  if (point === crashPoint && --left === 0) process.kill(process.pid, 'SIGKILL')
}

await openStorageDatabase(
  { log: silentLog, clock: systemClock, nowMs: () => systemClock.now(), faultHook },
  new DataLayout(dataDir),
  TEST_MIGRATIONS,
)
