/** The error codes that we tell clients: of the distribution-spec 1.1, "Error codes", and of what registries use besides. */
export type OciErrorCode =
  | 'BLOB_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'RANGE_INVALID'
  | 'TAG_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAVAILABLE'
  | 'UNSUPPORTED'

/** The JSON of an error reply; serve it as `application/json`, the only type in which dockerd looks for it. */
export function errorBody(code: OciErrorCode, message: string): string {
  return JSON.stringify({ errors: [{ code, message }] })
}
