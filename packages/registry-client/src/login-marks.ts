import { randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

/** Marks that are remembered, at most: each costs as much as it is meant to. */
const MAX_MARKS = 100

const SALT_BYTES = 12
const MARK_BYTES = 12
const SEPARATOR = '.'

const derive = promisify<string, Buffer, number, Buffer>(scrypt)

/**
 * Makes of the id of a login what may stand on disk in its place: it is known again, and who reads it can't try passwords any
 * faster than on a salted verifier of scrypt (RFC 7914). That takes some 50 ms beside the event loop, once for a login.
 */
export class LoginMarks {
  readonly #salt = randomBytes(SALT_BYTES).toString('base64url')
  readonly #marks = new Map<string, Promise<string>>()

  /** The mark of a login; with the salt of a mark from an earlier start, the one that it had then. */
  of(loginId: string, salt = this.#salt): Promise<string> {
    const name = JSON.stringify([loginId, salt])
    const known = this.#marks.get(name)
    if (known !== undefined) return known
    const mark = derive(loginId, Buffer.from(salt, 'base64url'), MARK_BYTES).then(
      (bytes) => `${salt}${SEPARATOR}${bytes.toString('base64url')}`,
    )
    this.#marks.set(name, mark)
    mark.catch(() => this.#marks.delete(name))
    const [oldest] = this.#marks.keys()
    if (this.#marks.size > MAX_MARKS && oldest !== undefined) this.#marks.delete(oldest)
    return mark
  }
}

/** The salt that a mark was made with. */
export function saltOf(mark: string): string {
  return mark.split(SEPARATOR)[0] ?? ''
}
