// One design, booted and measured: what each worker does, and what a user of the API calls.

import type { ElfFile } from '../debug/elf.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import type { Design } from './designs.ts';
import { logInMemory } from './memory-log.ts';
import { recordWorkload } from './pair.ts';
import { type DesignResult, resultOf } from './result.ts';

/** @throws PrintkitError when the program lacks what is to be watched */
export function measureDesign(elf: ElfFile, symbolizer: Symbolizer, design: Design): DesignResult {
  const recording = recordWorkload(elf, symbolizer, design);
  return resultOf(design, recording, logInMemory(recording.machine, elf));
}
