/**
 * The parts list of a node: which parts there are, what each is given, in which order they start and stop.
 *
 * @packageDocumentation
 */
export { productVersion } from './product-version.ts'
export { startNode, type NodeAddresses, type RunningNode } from './start-node.ts'
