// docs/uart-capabilities.md is generated from the source, and must not be stale. After a change of
// capabilities.ts or variants.ts: `npx vitest run test/devices/uart8250/capabilities.test.ts -u`.

import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import {
  capabilityTable,
  UART8250_CAPABILITIES,
  variantTable,
} from '../../../devices/uart8250/capabilities.ts';
import { UART8250_VARIANT_NAMES } from '../../../devices/uart8250/index.ts';
import { IER, MCR, rig } from './rig.ts';

const PAGE = `# UART capabilities

<!-- Generated from devices/uart8250/capabilities.ts and variants.ts. Do not edit; run
     npx vitest run test/devices/uart8250/capabilities.test.ts -u -->

What the UART model does, register by register. **yes**: as the datasheet says. **partly**: with
the restriction in the note. **no**: can be written, has no effect. **–**: the part does not have
it; the bit reads 0. Datasheets: National PC16550D, TI TL16C550C and TL16C750, Exar ST16C650A.

## Parts

${variantTable()}

## Registers

${capabilityTable()}
`;

describe('capability table', () => {
  it('docs/uart-capabilities.md is up to date', async () => {
    const page = await format(PAGE, { parser: 'markdown', printWidth: 100 });
    await expect(page).toMatchFileSnapshot('../../../docs/uart-capabilities.md');
  });

  it('whatever is restricted or missing says how or why', () => {
    for (const { register, name, support, note } of UART8250_CAPABILITIES) {
      const levels = new Set(Object.values(support));
      if (levels.has('partly')) expect(note, `${register} ${name}`).not.toBe('');
    }
  });

  it.each(UART8250_VARIANT_NAMES.map((name) => ({ name })))(
    '$name: the bits of IER and MCR that it claims can be written, the others read 0',
    ({ name }) => {
      const r = rig({ variant: name });
      if (name === '16650V2') {
        r.wr(3, 0xbf);
        r.wr(2, 0x10);
        r.wr(3, 0x03);
      }
      for (const [register, offset] of [
        ['IER', IER],
        ['MCR', MCR],
      ] as const) {
        let claimed = 0;
        for (const row of UART8250_CAPABILITIES) {
          if (row.register !== register || row.support[name] === 'absent') continue;
          const [high, low = high] = row.bits.split(':').map(Number);
          for (let bit = low; bit <= high; bit++) claimed |= 1 << bit;
        }
        r.wr(offset, 0xff);
        expect(r.rd(offset), register).toBe(claimed);
      }
    },
  );
});
