/**
 * Building blocks for concurrent work: single flight, abortable waits, progress deadlines.
 *
 * @packageDocumentation
 */
export { abortable } from './abortable.ts'
export { ProgressDeadline } from './progress-deadline.ts'
export { SingleFlight } from './single-flight.ts'
export { sleep } from './sleep.ts'
