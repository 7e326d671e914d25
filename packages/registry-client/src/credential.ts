import { createHash } from 'node:crypto'
import type { ClientCertificate } from './client-certificate.ts'

/** What a login is proven with. */
export type Secret =
  | { readonly username: string; readonly password: string }
  /** What a `docker login` got in place of the password: good for tokens only (OAuth2 refresh token). */
  | { readonly identityToken: string }

/** A login: a secret, a certificate or both. */
export interface Credential {
  /** Goes to the registry that it is for and to the token server that this one names, and nowhere else. */
  readonly secret: Secret | undefined
  /** Is shown to the registry that it is for, and to nobody else. */
  readonly certificate: ClientCertificate | undefined
  /** The same for the same secret and certificate, and tells nothing of them. */
  readonly id: string
}

/** Makes a credential of a secret and a certificate. */
export function credentialOf(secret: Secret | undefined, certificate?: ClientCertificate): Credential {
  const id = createHash('sha256')
    .update(JSON.stringify([secret, certificate?.id]))
    .digest('base64')
  return { secret, certificate, id }
}

/** The `Authorization` that proves a login by name and password (RFC 7617); undefined for any other. */
export function basicAuthorization({ secret }: Credential): string | undefined {
  if (secret === undefined || !('password' in secret)) return undefined
  return `Basic ${Buffer.from(`${secret.username}:${secret.password}`).toString('base64')}`
}

/** Where the credential for a repository comes from. */
export interface CredentialSource {
  /** Whether a certificate is to be had, at the moment or not. */
  readonly hasCertificate: boolean
  /** Undefined when there is none, or none can be had at the moment. Never rejects but with the reason of the signal. */
  find(repository: string, signal: AbortSignal | undefined): Promise<Credential | undefined>
  /** Says that the registry, or its token server, doesn't accept it. */
  refused(credential: Credential): void
}
