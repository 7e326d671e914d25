import { isIPv4, isIPv6 } from 'node:net'
import type { Format } from './format.ts'

const MULTIADDR = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/\s]+)\/tcp\/(\d{1,5})(\/p2p\/[1-9A-HJ-NP-Za-km-z]+)?$/

interface MeshAddress {
  readonly protocol: string
  readonly port: number
  readonly namesPeer: boolean
}

// The mesh package has a full multiaddr parser; here it is only decided what makes sense for a TCP transport, so
// that a mistake is reported with the setting's key.
function parseMeshAddress(text: string): MeshAddress | undefined {
  const [, protocol = '', host = '', digits, peer] = MULTIADDR.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) return undefined
  if (protocol === 'ip4' && !isIPv4(host)) return undefined
  if (protocol === 'ip6' && !isIPv6(host)) return undefined
  return { protocol, port, namesPeer: peer !== undefined }
}

/** A multiaddr that the node can bind to. */
export const meshListenAddress: Format<string> = {
  name: 'mesh-listen-address',
  allowed: 'a multiaddr with an IP address and a TCP port, such as /ip4/0.0.0.0/tcp/4001',
  parse(text) {
    const address = parseMeshAddress(text)
    return address?.protocol.startsWith('ip') && !address.namesPeer ? text : undefined
  },
}

/** A multiaddr under which a node can be reached, with or without its peer id. */
export const meshPeerAddress: Format<string> = {
  name: 'mesh-peer-address',
  allowed: 'a multiaddr with a TCP port, such as /dns4/node1.example.com/tcp/4001 or /ip4/10.0.0.1/tcp/4001',
  parse(text) {
    const address = parseMeshAddress(text)
    return address !== undefined && address.port > 0 ? text : undefined
  },
}

/** The identity of a node. */
export const meshPeerId: Format<string> = {
  name: 'mesh-peer-id',
  allowed: 'a peer id, such as 12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5',
  parse: (text) => (/^(12D3KooW|16Uiu2HA|Qm)[1-9A-HJ-NP-Za-km-z]{43,45}$/.test(text) ? text : undefined),
}

/** A name under which nodes are found: of hosts, with or without a port, or of a service. */
export const meshDnsName: Format<string> = {
  name: 'mesh-dns-name',
  allowed:
    'a name with or without a port, such as layermesh.default.svc.cluster.local:4001, or that of a service, such as _mesh._tcp.example.com',
  parse(text) {
    const [, name, port] = /^((?:[\w-]+\.)*[\w-]+\.?)(?::(\d{1,5}))?$/.exec(text) ?? []
    if (name === undefined) return undefined
    if (port === undefined) return text
    return Number(port) > 0 && Number(port) < 65_536 && !name.startsWith('_') ? text : undefined
  },
}
