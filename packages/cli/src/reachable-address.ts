/** The `host:port` under which this machine reaches what listens on `address`: loopback where that is every address. */
export function reachableAddress(address: string): string {
  return address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:')
}
