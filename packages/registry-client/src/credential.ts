import { createHash } from 'node:crypto'

/** What a login is proven with. */
export type Secret =
  | { readonly username: string; readonly password: string }
  /** What a `docker login` got in place of the password: good for tokens only (OAuth2 refresh token). */
  | { readonly identityToken: string }

/** A login. Goes to the registry that it is for and to the token server that this one names, and nowhere else. */
export interface Credential {
  readonly secret: Secret
  /** The same for the same secret, and tells nothing of it. */
  readonly id: string
}

/** Makes a credential of a secret. */
export function credentialOf(secret: Secret): Credential {
  return { secret, id: createHash('sha256').update(JSON.stringify(secret)).digest('base64') }
}

/** The `Authorization` that proves a login by name and password (RFC 7617); undefined for an identity token. */
export function basicAuthorization({ secret }: Credential): string | undefined {
  if (!('password' in secret)) return undefined
  return `Basic ${Buffer.from(`${secret.username}:${secret.password}`).toString('base64')}`
}

/** Where the credential for a repository comes from. */
export interface CredentialSource {
  /** Undefined when there is none, or none can be had at the moment. Never rejects but with the reason of the signal. */
  find(repository: string, signal: AbortSignal | undefined): Promise<Credential | undefined>
  /** Says that the registry, or its token server, doesn't accept it. */
  refused(credential: Credential): void
}
