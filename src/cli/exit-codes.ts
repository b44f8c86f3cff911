// Exit codes of the command, besides the guest's own.

/** The guest did not end: the instruction limit was reached, or it waits for input that has ended. */
export const EXIT_LIMIT = 124;
/** Bad input, or an error of printkit itself: one line on stderr says which. */
export const EXIT_ERROR = 125;
/** The guest died: nothing could ever run again. Registers and call traces are on stderr. */
export const EXIT_DIED = 134;
/** Killed by a signal, as shells count it: 128 + its number. */
export const EXIT_SIGNAL: Readonly<Record<string, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGQUIT: 131,
  SIGPIPE: 141,
  SIGTERM: 143,
};
