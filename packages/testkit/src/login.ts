/** Who may pull when not everybody may. */
export interface OriginLogin {
  readonly username: string
  readonly password: string
  /** What a `docker login` gets in place of the password; good for tokens only, by POST. @default none */
  readonly identityToken?: string
}

/** Whether an `Authorization` header proves the login by name and password (RFC 7617). */
export function provesLogin(authorization: string | undefined, login: OriginLogin): boolean {
  const encoded = /^Basic +(\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
  return Buffer.from(encoded, 'base64').toString() === `${login.username}:${login.password}`
}
