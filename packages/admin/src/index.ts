/**
 * The admin endpoint: health, metrics and status of a node over HTTP, and what a person can do with its cache.
 *
 * @packageDocumentation
 */
export { createAdmin, type Admin, type AdminDeps, type AdminInit, type Readiness } from './create-admin.ts'
