import { measureCluster, type ClusterInit } from '../cluster.ts'

/** Runs in a network namespace of its own, and prints what it has measured as JSON. */
const result = await measureCluster(JSON.parse(process.argv[2] ?? '') as ClusterInit)
process.stdout.write(JSON.stringify(result))
