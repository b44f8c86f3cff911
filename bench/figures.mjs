// Writes the measured figures in the docs anew: what stands between `<!-- COMMAND -->` and `<!-- end -->` becomes
// the output of that command of printkit. Takes minutes; `npm run build` first. Their shape is held by
// test/compare/figures.test.ts.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PAGES = ['docs/compare.md', 'docs/design-space.md'];
const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const outputs = new Map();
/** Each command is run once, however many pages show it. */
function outputOf(command) {
  const known = outputs.get(command);
  if (known !== undefined) return known;
  const { status, stdout } = spawnSync(
    process.execPath,
    [inProject('dist/src/cli/main.js'), ...command.split(' ')],
    { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status !== 0) throw new Error(`printkit ${command} ended with ${status}`);
  outputs.set(command, stdout);
  return stdout;
}

for (const page of PAGES.map(inProject)) {
  const text = readFileSync(page, 'utf8').replaceAll(
    /<!-- (compare[^>]*) -->\n[^]*?<!-- end -->/g,
    (_, command) => `<!-- ${command} -->\n\n\`\`\`text\n${outputOf(command)}\`\`\`\n\n<!-- end -->`,
  );
  writeFileSync(page, text);
}
