// Long texts on standard output: whole, and without complaint if the reader leaves.

import { EXIT_SIGNAL } from './exit-codes.ts';

/** Listings usually go through `| head` or `| less`. */
export async function print(text: string): Promise<void> {
  const { FdWriter, reopenNonblocking } = await import('../lines/fd-writer.ts');
  const writer = new FdWriter(reopenNonblocking(1), {
    writable: () => undefined,
    failed: () => process.exit(EXIT_SIGNAL['SIGPIPE']),
  });
  writer.write(Buffer.from(text));
  await writer.drain(Infinity);
  writer.close();
}
