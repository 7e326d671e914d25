import { type Config, loadConfig } from '@layermesh/config'

/** The configuration of a node on this machine, on free ports, that mirrors `origin.test`; `changes` are `key=value`. */
export function testConfig(
  init: { readonly name: string; readonly dataDir: string; readonly originUrl: string },
  changes: readonly string[] = [],
): Promise<Config> {
  const set = [
    `node.name=${init.name}`,
    `node.dataDir=${init.dataDir}`,
    'mirror.listen=["127.0.0.1:0"]',
    'mirror.defaultUpstream=origin.test',
    'admin.listen="127.0.0.1:0"',
    'mesh.listen=[/ip4/127.0.0.1/tcp/0]',
    'mesh.mdns=false',
    'cache.minFreeBytes=0B',
    'mesh.stallTimeout.site=10s',
    'mesh.stallTimeout.beyond=10s',
    `upstreams=[{host: origin.test, endpoints: ["${init.originUrl}"]}]`,
    ...changes,
  ]
  return loadConfig({ env: {}, set })
}
