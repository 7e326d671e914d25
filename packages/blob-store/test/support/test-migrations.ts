import type { Level } from 'level'
import type { IndexChange } from '../../src/index-change.ts'
import { MIGRATIONS, type Migration } from '../../src/migrations.ts'

/** Records that {@link TEST_MIGRATIONS} work on, in the sublevel `numbers`: the key is the value. */
export const NUMBERS = Array.from({ length: 7 }, (_, number) => String(number))

const BATCH_RECORDS = 2

/** After those of the product: doubles each number, in batches, in a sublevel of their own; then drops the old ones at once. */
export const TEST_MIGRATIONS: readonly Migration[] = [
  ...MIGRATIONS,
  {
    async *changes(db) {
      let batch: IndexChange[] = []
      for await (const [key, value] of db.sublevel('numbers').iterator()) {
        batch.push(doubling(db, key, value))
        if (batch.length < BATCH_RECORDS) continue
        yield batch
        batch = []
      }
      yield batch
    },
  },
  {
    async *changes(db) {
      const numbers = db.sublevel('numbers')
      const keys = await numbers.keys().all()
      yield keys.map((key): IndexChange => ({ type: 'del', key, sublevel: numbers }))
    },
  },
]

function doubling(db: Level, key: string, value: string): IndexChange {
  return { type: 'put', key, value: String(2 * Number(value)), sublevel: db.sublevel('doubles') }
}
