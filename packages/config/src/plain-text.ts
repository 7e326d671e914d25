import { resolve } from 'node:path'
import type { Format } from './format.ts'

/** A name that goes over the wire, into topics and on screens. */
export const label: Format<string> = {
  name: 'label',
  allowed: '1 to 128 letters, digits, dots, dashes or underscores (in quotes when they look like a number)',
  parse: (text) => (/^[\w.-]{1,128}$/.test(text) ? text : undefined),
}

/** A file or a folder; a relative one is taken from the working directory. */
export const path: Format<string> = {
  name: 'path',
  allowed: 'a path',
  parse: (text) => (text === '' || text.includes('\0') ? undefined : resolve(text)),
}

/** The name of a user: whatever can stand before the colon of a login (RFC 7617 §2). */
export const loginName: Format<string> = {
  name: 'login-name',
  allowed: 'a name without colons and control characters',
  parse: (text) => (/^[^:\p{Cc}]+$/u.test(text) ? text : undefined),
}

const MAX_PATTERN_LENGTH = 200

/** What tags, names or media types look like. */
export const textPattern: Format<string> = {
  name: 'text-pattern',
  allowed: String.raw`a regular expression of at most ${MAX_PATTERN_LENGTH} characters, such as ^v\d+\.\d+\.\d+$`,
  parse: (text) => (text.length <= MAX_PATTERN_LENGTH && isRegularExpression(text) ? text : undefined),
}

function isRegularExpression(text: string): boolean {
  try {
    return new RegExp(text, 'u').unicode
  } catch {
    return false
  }
}
