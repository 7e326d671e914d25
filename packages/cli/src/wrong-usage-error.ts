import { CommandError } from './command-error.ts'

/** A command can't do what it was asked for because of how it was called: the exit code is 2. */
export class WrongUsageError extends CommandError {}
