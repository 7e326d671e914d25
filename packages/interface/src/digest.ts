/**
 * A content digest in canonical form, `sha256:<64 lower-case hex>` or `sha512:<128 lower-case hex>`
 * (OCI image-spec 1.1, descriptor.md "Digests"). Only `parseDigest` and `digestOf` of `@layermesh/oci`
 * make one, so that a string is never a digest by accident.
 */
export type Digest = string & { readonly __digest: unique symbol }

/** The digest algorithms that layermesh verifies. */
export type DigestAlgorithm = 'sha256' | 'sha512'
