/** The head of a reply, as the pure functions look at it. */
export function replyHead(status: number, headers: Readonly<Record<string, string | undefined>>) {
  return {
    asked: 'reg.example: GET of a blob from reg.example',
    status,
    header: (name: string) => headers[name],
  }
}
