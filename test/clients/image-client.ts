/** Name and password, as a person gives them to a client. */
export interface ClientLogin {
  readonly username: string
  readonly password: string
}

/** What a client is started with. */
export interface ImageClientInit {
  /** Folder for everything that it writes; made by the caller, who removes it when the client is gone. */
  readonly dir: string
  /** Base URL of the mirror that it is set up for. */
  readonly mirrorUrl: string
  /** Put before each of its commands, as `chroot …` is to run them in another system. @default nothing */
  readonly launcher?: readonly string[]
}

/** A program that pulls images from Docker Hub, set up with a mirror as its users do it. Disposing of it stops it. */
export interface ImageClient extends AsyncDisposable {
  /**
   * Pulls `docker.io/<image>`, where `image` is a repository with `:tag` or `@digest`. Resolves with digests of manifests, configs and
   * blobs of which the client says that it has them now: every one that it keeps, or just what it calls the image by. Rejects with the
   * client's own words, and with `signal.reason`.
   */
  pull(image: string, options: PullOptions): Promise<ReadonlySet<string>>
}

/** Options of {@link ImageClient.pull}. */
export interface PullOptions {
  /** Who the client says it is, where it is asked. @default nobody */
  readonly login?: ClientLogin | undefined
  readonly signal: AbortSignal
}
