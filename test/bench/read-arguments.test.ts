import assert from 'node:assert/strict'

import { BenchError } from '../../bench/harness/bench-error.ts'
import { readArguments } from '../../bench/harness/read-arguments.ts'

function mistakeOf(...args: string[]): string {
  try {
    readArguments(args)
  } catch (error) {
    assert.ok(error instanceof BenchError)
    return error.message
  }
  return ''
}

describe('readArguments', () => {
  it('reads what is said, and has a value for what is not', () => {
    const options = readArguments(['--scenario', 'edge,outage', '--contenders', 'direct', '--size', '1.5MiB'])
    assert.deepEqual(
      options.scenarios.map(({ name }) => name),
      ['edge', 'outage'],
    )
    assert.deepEqual(
      options.contenders.map(({ name }) => name),
      ['direct'],
    )
    assert.equal(options.imageBytes, 1.5 * 1024 ** 2)
    assert.equal(options.compressiblePart, 0.9)
    assert.equal(options.repeats, 3)
    assert.equal(options.name, 'bench-edge-outage')
  })

  it('says in one line which option has which wrong value, and what is allowed', () => {
    const mistakes: Readonly<Record<string, string>> = {
      '--scenario=nope': 'there is no scenario nope: expected all or some of fan-out, rolling-update, edge, ',
      '--contenders=nope': 'there is no contender nope: expected some of direct, pull-through, ',
      '--nodes=0': '--nodes = 0: expected a whole number from 1 to 1000',
      '--repeats=1.5': '--repeats = 1.5: expected a whole number from 1 to 1000',
      '--size=big': '--size = big: expected a size from 100kB to 4GB, such as 64MiB',
      '--size=1kB': '--size = 1kB: expected a size from 100kB to 4GB, such as 64MiB',
      '--compressible=101': '--compressible = 101: expected a whole number from 0 to 100',
      '--mode=magic': '--mode = magic: expected auto, netns or loopback',
      '--clients=mine': '--clients = mine: expected mixed or built-in',
      '--name=../x': '--name = ../x: expected lower-case letters, digits and hyphens',
      '--colour=red': "Unknown option '--colour'",
    }
    for (const [argument, expected] of Object.entries(mistakes)) {
      const mistake = mistakeOf(argument)
      assert.ok(mistake.startsWith(expected), mistake)
      assert.ok(!mistake.includes('\n'))
    }
  })
})
