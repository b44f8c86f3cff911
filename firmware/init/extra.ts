// Nothing. A build with files of one's own (`printkit build --overlay`) puts its init/extra.ts in this
// place: console drivers and scenarios register themselves there.

/** Called by pid 1 when all CPUs are up, before the shell. Task context. */
export function extra_init(): void {}
