// The one error class for what a user can cause and correct.

/**
 * Bad input or an unmet condition outside of printkit: the message is one line that says what is
 * wrong, where, and what to do. The command line prints it without a stack trace.
 */
export class PrintkitError extends Error {
  override readonly name = 'PrintkitError';
}
