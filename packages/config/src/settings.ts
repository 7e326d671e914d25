import { hostname } from 'node:os'
import { join } from 'node:path'
import envPaths from 'env-paths'
import { byteSize } from './byte-size.ts'
import { duration, timeout } from './duration.ts'
import { choice, flag, groupListOf, integer, keyedListOf, listOf, text } from './kinds.ts'
import { listenAddress } from './listen-address.ts'
import { meshDnsName, meshListenAddress, meshPeerAddress, meshPeerId } from './mesh-address.ts'
import { label, loginName, path, textPattern } from './plain-text.ts'
import {
  httpProxy,
  mirrorHost,
  networkHost,
  registryAlias,
  registryEndpoint,
  registryHost,
  registryMirror,
} from './registry-host.ts'
import { group, optionalSetting, setting, type RawGroup, type ValueOf } from './setting.ts'
import { WELL_KNOWN_UPSTREAMS } from './well-known-upstreams.ts'

const TAGS = group({
  help: 'How long what a tag pointed to is believed.',
  entries: {
    revalidateAfter: setting({
      kind: text(duration),
      otherwise: { value: '60s' },
      field: 'revalidateAfterMs',
      help: 'A tag that was confirmed longer ago than this is asked for again.',
    }),
    serveStaleFor: setting({
      kind: text(duration),
      otherwise: { value: '7d' },
      field: 'serveStaleForMs',
      help: 'While the upstream can not be asked, a tag that was confirmed within this time is still served.',
    }),
    immutable: setting({
      kind: listOf(text(textPattern), 0),
      otherwise: { value: [] },
      help: String.raw`Tags that never move, as regular expressions of JavaScript (\`u\`); \`^\` and \`$\` bind them to the whole tag. What such a tag points to is asked for once, and believed for as long as it is known.`,
    }),
  },
})

const UPSTREAM = group({
  help: 'A registry that is mirrored.',
  entries: {
    host: setting({
      kind: text(registryHost),
      otherwise: 'required',
      help: 'The host that its images are named by. An entry for a host that is there already changes only the members that it names.',
    }),
    aliases: setting({
      kind: listOf(text(registryAlias), 0),
      otherwise: { value: [] },
      help: 'Other names for it, as the first part of a path or as `ns`. A host with a port needs one for runtimes that can only send a path.',
    }),
    servedAs: setting({
      kind: listOf(text(mirrorHost), 0),
      otherwise: { value: [] },
      help: 'Hosts that clients know the mirror by when they want this upstream and can not say so otherwise: what they send as `Host`, with a port or for any.',
    }),
    listen: setting({
      kind: listOf(text(listenAddress), 0),
      otherwise: { value: [] },
      help: 'Addresses of the mirror at which requests that name no upstream are for this one, as a Docker daemon needs for any but Docker Hub.',
    }),
    endpoints: setting({
      kind: listOf(text(registryEndpoint), 1),
      otherwise: { words: '`https://` and the host', compute: ({ host }) => [`https://${String(host)}`] },
      help: 'Where its API is reached, tried in this order.',
    }),
    mirrors: setting({
      kind: listOf(text(registryMirror), 0),
      otherwise: { value: [] },
      help: 'Mirrors of it, tried before its endpoints in this order: another layermesh, a docker-registry, Harbor. A path is what stands before the name of an image there. The host goes along as `ns`. What a mirror does not have or refuses, the endpoints are asked for.',
    }),
    credentials: group({
      help: 'Logins for it. Files are read again when they change. While none can be had, the upstream is asked without a login.',
      entries: {
        username: optionalSetting({
          kind: text(loginName),
          help: 'The user whose password is in `passwordFile`.',
        }),
        passwordFile: optionalSetting({
          kind: text(path),
          help: 'File with the password or access token of `username`.',
        }),
        pullSecret: optionalSetting({
          kind: text(path),
          help: 'The `.dockerconfigjson` of a pull secret of Kubernetes; used where `username` is not set, and for mirrors.',
        }),
        dockerConfig: optionalSetting({
          kind: text(path),
          help: "Docker's `config.json`, with the credential helpers that it names; used where the others have no login, and for mirrors.",
        }),
        certFile: optionalSetting({
          kind: text(path),
          help: 'A certificate to show to its `endpoints` of `https`, in PEM, with those of the authorities in between. Only they see it: no mirror, and no host that they refer to. What is pulled with it counts as pulled with a login; clients that may not use these get what the upstream gives without it.',
        }),
        keyFile: optionalSetting({
          kind: text(path),
          help: 'The private key of `certFile`, in PEM.',
        }),
        realms: setting({
          kind: listOf(text(networkHost), 0),
          otherwise: { value: [] },
          help: 'Hosts of token servers that may see these logins, though they are of another domain than the registry that names them, such as `authn.nvidia.com`. Those on its own host or in its own registered domain always may.',
        }),
        clients: setting({
          kind: choice(['loopback', 'all']),
          otherwise: { value: 'loopback' },
          help: 'Which clients of the mirror can pull what these logins can: those that reach it on a loopback address of this machine, or `all` that can reach it. The others get what anybody gets from the upstream. Members of a cluster with a secret get it for those of their clients that their own configuration allows it to.',
        }),
      },
    }),
    privateHosts: setting({
      kind: listOf(text(networkHost), 0),
      otherwise: { value: [] },
      help: 'Hosts with private addresses that it may refer to, as storage or for tokens, though its own address is public.',
    }),
    proxy: optionalSetting({
      kind: text(httpProxy),
      help: 'An HTTP proxy to reach it by. Without one, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the environment count.',
    }),
    caFile: optionalSetting({
      kind: text(path),
      help: "Certificates in PEM of authorities that are trusted for it beside the system's.",
    }),
    tags: TAGS,
  },
})

const CACHE_RULE = group({
  help: 'A rule about what is kept.',
  entries: {
    action: setting({
      kind: choice(['keep', 'skip', 'pin']),
      otherwise: 'required',
      help: '`keep` it as long as there is room; `skip` it: pass it on without keeping it; or `pin` it: never evict the image, with all that it needs. A pin looks at manifests only, and `layermesh purge` does not keep to it.',
    }),
    upstream: optionalSetting({
      kind: text(registryHost),
      help: 'The host of the upstream.',
    }),
    repository: optionalSetting({
      kind: text(textPattern),
      help: 'The name of the repository, such as `library/nginx`.',
    }),
    tag: optionalSetting({
      kind: text(textPattern),
      help: 'The tag that the image was last pulled by. What is pulled by digest has none.',
    }),
    mediaType: optionalSetting({
      kind: text(textPattern),
      help: 'The media type of the manifest or blob, where a manifest that was pulled through this node says it.',
    }),
    largerThan: optionalSetting({
      kind: text(byteSize),
      field: 'largerThanBytes',
      help: 'The manifest or blob has more bytes than this.',
    }),
    smallerThan: optionalSetting({
      kind: text(byteSize),
      field: 'smallerThanBytes',
      help: 'The manifest or blob has fewer bytes than this.',
    }),
  },
})

/**
 * The table: every setting there is. The schema, the defaults, the environment names, the type {@link Config} and
 * docs/configuration.md are made from it.
 */
export const SETTINGS = group({
  help: '',
  entries: {
    node: group({
      help: 'Who this node is and where it keeps its files.',
      entries: {
        name: setting({
          kind: text(label),
          otherwise: { words: "the machine's host name", compute: () => hostname() },
          help: 'What people call the node; shown by `layermesh peers`. It does not have to be unique.',
        }),
        dataDir: setting({
          kind: text(path),
          otherwise: {
            words: "`layermesh` in the user's data folder (on Linux `~/.local/share/layermesh`)",
            compute: defaultDataDir,
          },
          help: 'Folder of the cache and of the identity of the node. One daemon at a time can use it.',
        }),
      },
    }),
    locality: group({
      help: 'Where this node is. Bytes come from the nearest node that has them.',
      entries: {
        region: setting({
          kind: text(label),
          otherwise: { value: 'default' },
          help: 'A group of sites between which traffic is cheap.',
        }),
        site: setting({
          kind: text(label),
          otherwise: { value: 'default' },
          help: 'One local network. Sites of the same name in two regions are two sites.',
        }),
      },
    }),
    log: group({
      help: 'What the daemon says on standard output.',
      entries: {
        level: setting({
          kind: choice(['error', 'warn', 'info', 'debug', 'trace', 'silent']),
          otherwise: { value: 'info' },
          help: 'The least important lines that are written. `info` is lifecycle and one line for each pull.',
        }),
      },
    }),
    mirror: group({
      help: 'The registry endpoint that container runtimes pull from.',
      entries: {
        listen: setting({
          kind: listOf(text(listenAddress), 1),
          otherwise: { value: ['127.0.0.1:5000'] },
          help: 'Addresses of the endpoint. Whoever can reach one can read the cache, so keep to loopback unless the network is trusted. Port 0 lets the system choose.',
        }),
        defaultUpstream: setting({
          kind: text(registryHost),
          otherwise: { value: 'docker.io' },
          help: 'The upstream of requests that name none, as those of a Docker daemon with `registry-mirrors`: the host of an entry of `upstreams`.',
        }),
        rateLimits: setting({
          kind: choice(['tell', 'hide']),
          otherwise: { value: 'tell' },
          help: 'What a client gets while a registry limits our requests and what it wants is not here: `tell` it with a 429 and the time to wait, which Podman and CRI-O keep to; or `hide` it behind a 404, with which every client asks the registry itself at once.',
        }),
        tls: group({
          help: 'The endpoint with TLS, for clients that can not be told to do without.',
          entries: {
            listen: setting({
              kind: listOf(text(listenAddress), 0),
              otherwise: { value: [] },
              help: 'Addresses of the endpoint with TLS, in addition to `mirror.listen`.',
            }),
            certFile: optionalSetting({
              kind: text(path),
              help: 'The certificate in PEM, followed by those of the authorities in between. Read again when it changes.',
            }),
            keyFile: optionalSetting({
              kind: text(path),
              help: 'The key of the certificate in PEM. Read again when it changes.',
            }),
          },
        }),
      },
    }),
    admin: group({
      help: 'Health, metrics and status of this node, and what a person can do with its cache.',
      entries: {
        listen: setting({
          kind: text(listenAddress),
          otherwise: { value: '127.0.0.1:5001' },
          help: 'Address of the admin endpoint.',
        }),
        tokenFile: setting({
          kind: text(path),
          otherwise: {
            words: '`admin.token` in `node.dataDir`',
            compute: (_siblings, { node }) => join(dataDirOf(node as RawGroup | undefined), 'admin.token'),
          },
          help: 'File with the token that requests need which change something: at least 16 letters, digits or `-._~+/=`. When there is none, the node makes one that only its user can read.',
        }),
      },
    }),
    mesh: group({
      help: 'How this node finds and reaches the others.',
      entries: {
        listen: setting({
          kind: listOf(text(meshListenAddress), 1),
          otherwise: { value: ['/ip4/0.0.0.0/tcp/4001'] },
          help: 'Addresses that peers connect to.',
        }),
        announce: setting({
          kind: listOf(text(meshPeerAddress), 0),
          otherwise: { value: [] },
          help: 'Addresses to tell peers instead of those that the node finds itself, for a node behind a NAT or in a container.',
        }),
        bootstrap: setting({
          kind: listOf(text(meshPeerAddress), 0),
          otherwise: { value: [] },
          help: 'Nodes to connect to at the start; one that is reachable is enough.',
        }),
        dns: setting({
          kind: listOf(text(meshDnsName), 0),
          otherwise: { value: [] },
          help: 'Names that lead to other nodes, looked up every 15 seconds: `name:port` for all addresses of a name, such as that of a headless Service of Kubernetes (without a port it is 4001), `_service._tcp.name` for SRV records.',
        }),
        mdns: setting({
          kind: flag(),
          otherwise: { value: true },
          help: 'Whether nodes of the same local network find each other by themselves.',
        }),
        secretFile: optionalSetting({
          kind: text(path),
          help: "File with the cluster's secret, the same on every node. Without one, whoever can reach the port of the mesh is a member. It is read again when it changes; two lines are two secrets that both count, so that [one can replace the other](mesh.md#replacing-the-secret).",
        }),
        allow: setting({
          kind: listOf(text(meshPeerId), 0),
          otherwise: { value: [] },
          help: 'Peer ids of the nodes that may be members, beside or instead of a secret; `layermesh status` shows that of a node. None: whoever proves the secret.',
        }),
        inboundConnectionsPerSecond: setting({
          kind: integer(1, 100_000),
          otherwise: { value: 50 },
          help: 'Connections that are accepted from one address each second. Raise it where many nodes share an address.',
        }),
        stallTimeout: group({
          help: 'How long a transfer may stand still before it goes on from another source; a peer that answers slowly gets ten round trips.',
          field: 'stallTimeoutMs',
          entries: {
            site: setting({
              kind: text(timeout),
              otherwise: { value: '500ms' },
              help: 'From a peer of the same site.',
            }),
            beyond: setting({
              kind: text(timeout),
              otherwise: { value: '2s' },
              help: 'From a peer of another site or region.',
            }),
          },
        }),
      },
    }),
    cache: group({
      help: 'What is kept on disk. Both limits are looked at before each download; room is made by evicting what is worth least.',
      entries: {
        maxBytes: setting({
          kind: text(byteSize),
          otherwise: { value: '50GiB' },
          help: 'The most that the cache may take, downloads under way included. What has no room is passed on without being kept.',
        }),
        minFreeBytes: setting({
          kind: text(byteSize),
          otherwise: { value: '5GiB' },
          help: 'What has to stay free on the file system of `node.dataDir`, whoever fills it; the cache gives way.',
        }),
        unusedFor: setting({
          kind: text(duration),
          otherwise: { value: '30d' },
          field: 'unusedForMs',
          help: 'Images that no client has asked for in this time are removed even if there is room. `0s` keeps them.',
        }),
        scrubEvery: setting({
          kind: text(duration),
          otherwise: { value: '30d' },
          field: 'scrubEveryMs',
          help: 'Every blob is read and hashed again once in this time, slowly; a damaged one is taken out and fetched again. `0s` turns it off.',
        }),
        unwatchedFills: setting({
          kind: choice(['finish', 'pause', 'drop']),
          otherwise: { value: 'finish' },
          help: 'What becomes of a download that for 10 seconds no client and no peer has wanted any more: `finish` it for whoever comes next; `pause` it, and go on from there when somebody wants it again; or `drop` it.',
        }),
        rules: setting({
          kind: groupListOf(CACHE_RULE),
          otherwise: { value: [] },
          help: 'What to keep, to skip or to pin. For each manifest and blob that is fetched the first rule counts of which all conditions are met; without one it is kept. Patterns are regular expressions of JavaScript.',
        }),
      },
    }),
    sources: setting({
      kind: listOf(choice(['site', 'region', 'world', 'upstream']), 1),
      otherwise: { value: ['site', 'region', 'world', 'upstream'] },
      help: 'Where a blob that is not here may be asked for, in this order. What is left out is never asked: without `upstream` the node takes bytes from peers only.',
    }),
    upstreams: setting({
      kind: keyedListOf(UPSTREAM, 'host', WELL_KNOWN_UPSTREAMS),
      otherwise: { value: [] },
      help: 'The registries that are mirrored, in addition to the well-known ones; requests for any other are refused, unless `otherUpstreams` allows them.',
    }),
    otherUpstreams: group({
      help: 'Registries that are no entry of `upstreams`.',
      entries: {
        allow: setting({
          kind: flag(),
          otherwise: { value: false },
          help: 'Whether any public registry is mirrored, for runtimes that are told to ask here whatever the registry (`_default` of containerd). It is asked by https on port 443 and at public addresses only, and so is whatever it refers to; behind a proxy, which looks names up itself, the proxy has to see to that.',
        }),
        tags: TAGS,
      },
    }),
  },
})

function dataDirOf({ dataDir }: RawGroup = {}): string {
  return typeof dataDir === 'string' ? dataDir : defaultDataDir()
}

function defaultDataDir(): string {
  return envPaths('layermesh', { suffix: '' }).data
}

/** The whole configuration of a node, checked and deeply frozen. Made by {@link loadConfig} only. */
export type Config = ValueOf<typeof SETTINGS>

/** One registry that is mirrored. */
export type UpstreamConfig = Config['upstreams'][number]
