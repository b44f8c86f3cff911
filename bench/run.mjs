// Entry of `npm run bench`: the benchmarks are TypeScript, which node cannot run by itself yet.
import '../test/ts-loader.mjs';

await import('./main.ts');
