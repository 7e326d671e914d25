/**
 * How container runtimes are pointed at a mirror, one line for each. `mirror` is its `host:port` as seen from this
 * machine. Keep in step with docs and with what the runtimes of today read:
 * - Docker asks a mirror for images of Docker Hub only, unless it has the containerd image store.
 * - containerd's `_default` counts for every registry that has no folder of its own. Without `push` among the
 *   capabilities it doesn't try to push to us; `referrers` would make versions up to 2.1 ignore the whole file.
 * - Podman, CRI-O, Buildah and Skopeo need one entry for each registry, its host as the prefix of our paths, and
 *   `insecure` for plain HTTP even on loopback.
 */
export function runtimeHints(mirror: string): readonly (readonly [runtime: string, hint: string])[] {
  const url = `http://${mirror}`
  return [
    ['Docker', `add to /etc/docker/daemon.json, then reload Docker: "registry-mirrors": ["${url}"]`],
    [
      'containerd',
      writeFile(
        '/etc/containerd/certs.d/_default',
        'hosts.toml',
        `[host."${url}"]`,
        'capabilities = ["pull", "resolve"]',
      ),
    ],
    [
      'Podman',
      writeFile(
        '/etc/containers/registries.conf.d',
        'layermesh.conf',
        '[[registry]]',
        'location = "docker.io"',
        '[[registry.mirror]]',
        `location = "${mirror}/docker.io"`,
        'insecure = true',
      ),
    ],
  ]
}

// A shell command: these files have more than one line, but what people copy should not.
function writeFile(folder: string, name: string, ...lines: readonly string[]): string {
  const text = lines.map((line) => `${line}\\n`).join('')
  return `mkdir -p ${folder} && printf '${text}' > ${folder}/${name}`
}
