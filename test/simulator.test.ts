import { Simulation } from './simulator/simulation.ts'

/** Clusters that are played in the suite; seeds that once failed stay. `npm run test:simulator` plays others, for long. */
const PLAYED = [
  { seed: 1, nodes: 16, regions: 1, sitesPerRegion: 3, steps: 60 },
  { seed: 2, nodes: 24, regions: 3, sitesPerRegion: 2, steps: 60 },
  { seed: 3, nodes: 40, regions: 2, sitesPerRegion: 4, steps: 40 },
  { seed: 4, nodes: 120, regions: 4, sitesPerRegion: 2, steps: 15 },
]

describe('simulator', function () {
  this.timeout(120_000)

  for (const init of PLAYED) {
    it(`plays seed ${init.seed} on ${init.nodes} nodes in ${init.regions} regions`, async () => {
      await new Simulation(init).run()
    })
  }
})
