/** How the hello with a peer ended; label of the metric `mesh_hello_total`. */
export const HELLO_OUTCOMES = [
  'admitted',
  'secret',
  'allow',
  'version',
  'protocol',
  'timeout',
  'lost',
] as const

/** How the hello with a peer ended. */
export type HelloOutcome = (typeof HELLO_OUTCOMES)[number]

/** Why a peer was not admitted; stays inside this package. */
export class AdmissionRefusal extends Error {
  readonly outcome: Exclude<HelloOutcome, 'admitted'>

  /** Whether the peer is being told, and ends the connection when it hears it. */
  readonly isTold: boolean

  constructor(
    outcome: Exclude<HelloOutcome, 'admitted'>,
    message: string,
    options: ErrorOptions & { readonly isTold?: boolean } = {},
  ) {
    super(message, options)
    this.outcome = outcome
    this.isTold = options.isTold ?? false
  }
}
