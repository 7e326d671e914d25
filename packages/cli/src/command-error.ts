/** A command can't do what it was asked for; the message is one line for people that says why. */
export class CommandError extends Error {}
