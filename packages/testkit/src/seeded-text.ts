import { seededBytes } from './seeded-bytes.ts'

const WORDS = 1024
const MIN_LETTERS = 2
const MAX_LETTERS = 9
const SPACE = 0x20
const LOWER_CASE_A = 0x61
const LETTERS = 26

/**
 * Bytes that compress as program text and logs do, to about a third with gzip or zstd: words of one made-up language, short ones and common
 * ones more often, the same for the same seed and size on every machine.
 */
export function seededText(seed: string, sizeBytes: number): Buffer {
  const text = Buffer.allocUnsafe(sizeBytes)
  // Two bytes choose a word, and the shortest word has three with its space: that many are enough.
  const choices = seededBytes(seed, 2 * Math.ceil(sizeBytes / (MIN_LETTERS + 1)))
  let written = 0
  for (let at = 0; written < sizeBytes; at += 2) {
    const first = (choices[at] ?? 0) / 256
    const fraction = (first + (choices[at + 1] ?? 0) / 65_536) ** 4
    const word = DICTIONARY[Math.floor(fraction * WORDS)]
    if (word !== undefined) written += word.copy(text, written)
  }
  return text
}

const DICTIONARY = makeDictionary()

function makeDictionary(): readonly Buffer[] {
  const random = seededBytes('dictionary', WORDS * (MAX_LETTERS + 1))
  return Array.from({ length: WORDS }, (_, index) => {
    const [length = 0, ...letters] = random.subarray(
      index * (MAX_LETTERS + 1),
      (index + 1) * (MAX_LETTERS + 1),
    )
    const count = MIN_LETTERS + (length % (MAX_LETTERS - MIN_LETTERS + 1))
    return Buffer.from([...letters.slice(0, count).map((letter) => LOWER_CASE_A + (letter % LETTERS)), SPACE])
  })
}
