import Mocha from 'mocha'

/**
 * mocha's spec reporter, closed by the one line that people and CI read:
 * `N passed, N failed, N skipped`.
 */
export default class SummaryReporter extends Mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue()
    const { passes, failures, pending } = this.stats
    console.log(`${passes} passed, ${failures} failed, ${pending} skipped`)
  }
}
