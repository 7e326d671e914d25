import type { VerifyProgress } from '@layermesh/interface'
import ora from 'ora'
import { hasScreen } from '../has-screen.ts'
import { formatBytes } from '../units.ts'
import { countText } from './count-text.ts'

/** Tells people how far a verification is. */
export interface VerifyDisplay extends Disposable {
  show(progress: VerifyProgress): void
}

/** Shows progress on a screen until it is disposed of, and nothing anywhere else. */
export function createVerifyDisplay(stream: NodeJS.WriteStream): VerifyDisplay {
  if (!hasScreen(stream)) return { show() {}, [Symbol.dispose]() {} }
  // Reading from the terminal would keep Ctrl-C from being a signal.
  const spinner = ora({ stream, discardStdin: false }).start('verifying')
  return {
    show(progress) {
      spinner.text = progressText(progress)
    },
    [Symbol.dispose]: () => void spinner.stop(),
  }
}

/** How far a verification is, in one line: `verifying 1.5 GiB of 3.0 GiB (50 %), 1 damaged blob`. */
export function progressText({ bytes, damaged, totalBytes }: VerifyProgress): string {
  const percent = totalBytes === 0 ? 100 : Math.floor((bytes / totalBytes) * 100)
  const wrong = damaged.length === 0 ? '' : `, ${countText(damaged.length, 'damaged blob')}`
  return `verifying ${formatBytes(bytes)} of ${formatBytes(totalBytes)} (${percent} %)${wrong}`
}
