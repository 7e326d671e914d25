/**
 * Whether a stream shows what is written on a screen, so that a line can be drawn again. Some terminals have none, and
 * say that they are 0 columns wide: those of `script` and of containers that nobody looks at.
 */
export function hasScreen({ columns, isTTY }: NodeJS.WriteStream): boolean {
  return isTTY && columns > 0
}
