const BINARY_UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Bytes for people: `512 B`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), BINARY_UNITS.length)
  return `${(bytes / 1024 ** power).toFixed(1)} ${BINARY_UNITS[power - 1] ?? ''}`
}

/** How long ago something was, for people, in the largest unit: `45 s ago`, `3 h ago`. */
export function formatAge(ageMs: number): string {
  const [largest = ''] = /^\d+ \w+/.exec(formatSeconds(Math.max(0, ageMs / 1000))) ?? []
  return `${largest} ago`
}

/** A time span for people, in its two largest units: `45 s`, `2 h 5 min`, `3 d 0 h`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.floor(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  const hours = Math.floor(minutes / 60)
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}
