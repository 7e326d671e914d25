/**
 * Building blocks for concurrent work: single flight, abortable waits, progress deadlines, reading ahead.
 *
 * @packageDocumentation
 */
export { abortable } from './abortable.ts'
export { gather } from './gather.ts'
export { ProgressDeadline } from './progress-deadline.ts'
export { SingleFlight } from './single-flight.ts'
export { sleep } from './sleep.ts'
