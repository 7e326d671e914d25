const MAX_QUOTED_CHARACTERS = 96

/** Puts a client's or upstream's text into an error message: quoted, escaped, and cut when it is long. */
export function quoteInput(text: string): string {
  const cut = text.length > MAX_QUOTED_CHARACTERS ? `${text.slice(0, MAX_QUOTED_CHARACTERS)}…` : text
  return JSON.stringify(cut)
}
