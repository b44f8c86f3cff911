// Log levels and what marks them in a format string: KERN_SOH and a digit. include/linux/kern_levels.h
// has the same values.

/** First unit of a level prefix; the next one is the level's digit. */
export const KERN_SOH: u32 = 0x01;

export const LOGLEVEL_EMERG: u32 = 0;
export const LOGLEVEL_ALERT: u32 = 1;
export const LOGLEVEL_CRIT: u32 = 2;
export const LOGLEVEL_ERR: u32 = 3;
export const LOGLEVEL_WARNING: u32 = 4;
export const LOGLEVEL_NOTICE: u32 = 5;
export const LOGLEVEL_INFO: u32 = 6;
export const LOGLEVEL_DEBUG: u32 = 7;

// A priority, as syslog has it: the level in its low bits, above it the facility.
export const LOG_LEVEL_MASK: u32 = 7;
export const LOG_FACILITY_SHIFT: u32 = 3;

/** No prefix given: use the default level. */
export const LOGLEVEL_DEFAULT: u32 = 0xffffffff;
/** The text goes on with what the same caller printed last, if that had no newline: pr_cont(). */
export const LOGLEVEL_CONT: u32 = 0xfffffffe;
/** What "the default level" is. */
export const MESSAGE_LOGLEVEL_DEFAULT: u32 = LOGLEVEL_WARNING;

export const CONSOLE_LOGLEVEL_SILENT: u32 = 0;
export const CONSOLE_LOGLEVEL_QUIET: u32 = 4;
export const CONSOLE_LOGLEVEL_DEFAULT: u32 = 7;
export const CONSOLE_LOGLEVEL_DEBUG: u32 = 10;
/** Everything, whatever its level: panic and oops. */
export const CONSOLE_LOGLEVEL_MOTORMOUTH: u32 = 15;
