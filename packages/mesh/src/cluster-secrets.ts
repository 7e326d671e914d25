/** The secrets that count as the cluster's now. */
export class ClusterSecrets {
  list: readonly string[]

  constructor(list: readonly string[]) {
    this.list = list
  }
}
