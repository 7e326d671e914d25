import fc from 'fast-check'
import { StoreModel } from './support/store-model.ts'
import type { Step } from './support/store-step.ts'

/** A few seconds' worth, unless somebody asks for more: then other ones each time. */
const RUNS = Number(process.env['LAYERMESH_MODEL_RUNS'] ?? 60)
const SEED = process.env['LAYERMESH_MODEL_RUNS'] === undefined ? { seed: 4 } : {}

const pick = fc.nat(999)
const perMille = fc.nat(999)
const accesses = fc.nat(25)

function of<Kind extends Step['kind']>(kind: Kind) {
  return fc.record({ kind: fc.constant(kind), pick })
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: of('put'), weight: 6 },
  { arbitrary: of('begin'), weight: 4 },
  {
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      pick,
      piece: fc.nat(9),
      sizeBytes: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constant(1024 * 1024)),
    }),
    weight: 8,
  },
  { arbitrary: of('commit'), weight: 3 },
  { arbitrary: of('pause'), weight: 3 },
  of('fail'),
  { arbitrary: of('open'), weight: 5 },
  {
    arbitrary: fc.record({ kind: fc.constant('read' as const), pick, from: perMille, to: fc.nat(1000) }),
    weight: 6,
  },
  { arbitrary: of('close'), weight: 3 },
  { arbitrary: of('pin'), weight: 2 },
  of('unpin'),
  of('use'),
  { arbitrary: fc.record({ kind: fc.constant('flip' as const), pick, at: perMille }), weight: 4 },
  of('purge'),
  of('purge all'),
  fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 30 }) }),
  of('reopen'),
  fc.record({ kind: fc.constant('crash' as const), pick, accesses }),
  fc.record({
    kind: fc.constant('power cut' as const),
    pick,
    accesses,
    index: fc.constantFrom('spared', 'lost', 'older'),
    seed: fc.nat(),
  }),
)

/** What has failed once. */
const EXAMPLES: [Step[]][] = [
  [
    [
      { kind: 'put', pick: 1 },
      { kind: 'flip', pick: 0, at: 500 },
      { kind: 'open', pick: 0 },
      { kind: 'purge', pick: 1 },
      { kind: 'read', pick: 0, from: 0, to: 1000 },
    ],
  ],
  [
    [
      { kind: 'pin', pick: 1 },
      { kind: 'put', pick: 8 },
      { kind: 'purge all', pick: 0 },
    ],
  ],
  [[{ kind: 'pin', pick: 0 }]],
  [
    [
      { kind: 'power cut', pick: 0, accesses: 0, index: 'lost', seed: 0 },
      { kind: 'crash', pick: 0, accesses: 0 },
    ],
  ],
]

describe('openStorage, whatever happens to it', () => {
  let steps = 0
  after(() => {
    process.stdout.write(`      ${steps} steps of the model\n`)
  })

  it('holds what was committed, reads nothing wrong, keeps to its budget and leaves nothing over', async function () {
    this.timeout(0)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }), async (plan) => {
        await using model = await StoreModel.create()
        for (const each of plan) {
          await model.take(each)
          steps++
        }
        await model.reopen()
      }),
      { ...SEED, numRuns: RUNS, examples: EXAMPLES },
    )
  })
})
