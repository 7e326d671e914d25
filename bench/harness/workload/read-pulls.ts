import { BenchError } from '../bench-error.ts'

/** Somebody pulled something at some time. */
export interface RecordedPull {
  /** Since the first pull. */
  readonly atMs: number
  /** Whoever pulled: a name or an address. */
  readonly client: string
  readonly repository: string
  readonly tag: string
}

/**
 * Reads pulls from a CSV file with the header `time,client,image`, or from the access log of docker-registry (Apache's combined format),
 * where a GET of a manifest is a pull; whichever the text is. Throws a BenchError with the number of the first line of a CSV that is wrong.
 * Lines of a log that are no pulls are passed over.
 */
export function readPulls(text: string, origin: string): RecordedPull[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== '')
  const pulls =
    lines[0] === CSV_HEADER ? readCsv(lines, origin) : lines.flatMap((line) => readLogLine(line) ?? [])
  if (pulls.length === 0) {
    throw new BenchError(
      `${origin} has no pulls: expected a CSV with the header ${CSV_HEADER}, or an access log`,
    )
  }
  const firstMs = Math.min(...pulls.map(({ atMs }) => atMs))
  return pulls.map((pull) => ({ ...pull, atMs: pull.atMs - firstMs })).toSorted((a, b) => a.atMs - b.atMs)
}

const CSV_HEADER = 'time,client,image'

/** Times are ISO 8601, or seconds from any moment on. */
function readCsv([, ...rows]: readonly string[], origin: string): RecordedPull[] {
  return rows.map((row, index) => {
    const [time = '', client = '', image = '', ...more] = row.split(',').map((cell) => cell.trim())
    const atMs = /^\d+(\.\d+)?$/.test(time) ? Number(time) * 1000 : Date.parse(time)
    const [, repository, tag = 'latest'] =
      /^([a-z0-9][a-z0-9._/-]*)(?::([\w][\w.-]{0,127}))?$/.exec(image) ?? []
    if (Number.isNaN(atMs) || client === '' || repository === undefined || more.length > 0) {
      throw new BenchError(
        `${origin}:${index + 2}: expected time,client,image such as 12.5,node-3,library/nginx:1.27`,
      )
    }
    return { atMs, client, repository, tag }
  })
}

const LOG_LINE =
  /^(?<client>\S+) - \S+ \[(?<time>[^\]]+)\] "GET \/v2\/(?<repository>[a-z0-9._/-]+)\/manifests\/(?<reference>[\w.:-]+)(?:\?\S*)? [^"]*" 200 /

function readLogLine(line: string): RecordedPull | undefined {
  const { client, time, repository, reference } = LOG_LINE.exec(line)?.groups ?? {}
  if (client === undefined || time === undefined || repository === undefined || reference === undefined)
    return undefined
  const atMs = parseLogTime(time)
  // A digest isn't a tag that could be served again; its first letters are.
  const tag = reference.replace(':', '-').slice(0, 80)
  return Number.isNaN(atMs) ? undefined : { atMs, client: client.replace(/:\d+$/, ''), repository, tag }
}

/** `25/Nov/2026:13:30:00 +0000`. */
function parseLogTime(time: string): number {
  const [, day, month, year, clock, zone] =
    /^(\d+)\/(\w{3})\/(\d{4}):([\d:]{8}) ([+-]\d{4})$/.exec(time) ?? []
  return Date.parse(`${day ?? ''} ${month ?? ''} ${year ?? ''} ${clock ?? ''} ${zone ?? ''}`)
}
