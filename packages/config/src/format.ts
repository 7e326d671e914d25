/** A form that a text setting must have, and what it is read into. */
export interface Format<Value> {
  /** The `format` of the JSON Schema. */
  readonly name: string
  /** What is allowed, with an example: the words after "expected". */
  readonly allowed: string
  /** Undefined when the text doesn't have the form. */
  parse(text: string): Value | undefined
}
