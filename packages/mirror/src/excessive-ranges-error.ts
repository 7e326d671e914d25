/** A client asks for so many ranges, or for the same bytes so often, that the reply would cost more than the blob. */
export class ExcessiveRangesError extends Error {
  constructor() {
    super('more ranges, or more of the same bytes, than one request may ask for')
  }
}
