// npm run bench [-- catalogue|code|explore|footprint|kernel|lines|printk|speed …]: prints a line per measurement, with its
// target and the same thing measured on a peer in the same run. Ends with 1 if a target was missed.

import { catalogue } from './catalogue.ts';
import { codeQuality } from './code-quality.ts';
import { explore } from './explore.ts';
import { footprint } from './footprint.ts';
import { kernel } from './kernel.ts';
import { lines } from './lines.ts';
import { printk } from './printk.ts';
import { built } from './processes.ts';
import { print, type Row } from './row.ts';
import { speed } from './speed.ts';

const PARTS: Readonly<Record<string, () => Row[] | Promise<Row[]>>> = {
  catalogue,
  code: () => codeQuality(),
  explore,
  footprint,
  kernel: () => kernel(),
  lines,
  printk,
  speed,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`bench: no part "${unknown[0]}" (there are: ${Object.keys(PARTS).join(', ')})`);
  process.exit(2);
}
if (!built()) {
  console.error('bench: nothing is built yet: run "npm run build" first');
  process.exit(2);
}
let failed = 0;
for (const [name, part] of Object.entries(PARTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const row of await part()) {
    print(row);
    if (row.pass === false) failed++;
  }
}
if (failed > 0) console.log(`${failed} below target`);
process.exitCode = failed > 0 ? 1 : 0;
