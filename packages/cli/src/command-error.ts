/**
 * A command can't do what it was asked for; the message is one line for people that says why. It is only ever shown,
 * so it has no code.
 */
export class CommandError extends Error {}
