// Writes the figures in docs/compare.md anew: what stands between `<!-- COMMAND -->` and `<!-- end -->` becomes
// the output of that command. Takes minutes; `npm run build` first.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const page = inProject('docs/compare.md');

const text = readFileSync(page, 'utf8').replaceAll(
  /<!-- (compare[^>]*) -->\n[^]*?<!-- end -->/g,
  (_, command) => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [inProject('dist/src/cli/main.js'), ...command.split(' ')],
      { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    if (status !== 0) throw new Error(`printkit ${command} ended with ${status}`);
    return `<!-- ${command} -->\n\n\`\`\`text\n${stdout}\`\`\`\n\n<!-- end -->`;
  },
);
writeFileSync(page, text);
