import { setFlagsFromString } from 'node:v8'

/**
 * Makes V8 weigh the memory of buffers together with the heap when it decides to collect garbage.
 *
 * By default every 64 MiB of new buffers start a full collection, however small the heap is; a node that moves blobs
 * spends half of its CPU time in them. Takes effect for the collections after the call.
 */
export function tuneGarbageCollector(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
}
