#!/usr/bin/env node
import { runCli } from './run-cli.ts'

const OLDEST_NODE = 24

const [major = ''] = process.versions.node.split('.')
if (Number(major) < OLDEST_NODE) {
  process.stderr.write(`warning: layermesh needs Node ${OLDEST_NODE} or later, this is ${process.version}\n`)
}
process.exitCode = await runCli(process.argv.slice(2), process)
