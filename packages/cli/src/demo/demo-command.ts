import { InvalidArgumentError, type Command } from 'commander'
import type { CliIo } from '../cli-io.ts'
import { DEMO_NODES, DEMO_SIZE_MIB } from './demo-options.ts'

const MiB = 1024 * 1024

const EXPLANATION = `
It starts a registry and nodes in two sites on this machine, each in a process of its own, and pulls an image on all
nodes at once, a second version of it node by node, and that version on a new node when the registry is stopped.
It needs no network, and leaves nothing behind. While it runs, the registry takes up to three times the size of the
image in memory, and each node a copy of it on disk, in the folder for temporary files.

Examples:
  layermesh demo
  layermesh demo --nodes 12 --size 256
  layermesh demo --json | jq '.phases[] | {name, seconds, upstreamPerUnique}'`

interface DemoCommandOptions {
  readonly nodes: number
  readonly size: number
  readonly json?: true
}

interface Limits {
  readonly min: number
  readonly max: number
  readonly default: number
}

/** `layermesh demo`: shows on this machine alone what layermesh does, and measures it. */
export function addDemoCommand(program: Command, io: CliIo): void {
  program
    .command('demo')
    .description('show what layermesh does, on this machine alone')
    .option('--nodes <number>', `nodes, ${range(DEMO_NODES)}`, wholeNumber(DEMO_NODES), DEMO_NODES.default)
    .option(
      '--size <MiB>',
      `size of the image, ${range(DEMO_SIZE_MIB)}`,
      wholeNumber(DEMO_SIZE_MIB),
      DEMO_SIZE_MIB.default,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', EXPLANATION)
    .action(async ({ json, nodes, size }: DemoCommandOptions) => {
      // Only this command needs a registry and an image, and loading what makes them takes time.
      const { demo } = await import('./demo.ts')
      await demo({ nodes, sizeBytes: size * MiB, json: json === true }, io)
    })
}

function range({ min, max }: Limits): string {
  return `${min} to ${max}`
}

function wholeNumber(limits: Limits): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= limits.min && number <= limits.max) return number
    throw new InvalidArgumentError(`Expected a whole number, ${range(limits)}.`)
  }
}
