// The passes over a function's IR, in order.

import type { IrFunction } from '../ir.ts';
import { foldAddresses } from './addresses.ts';
import { fuseBranches } from './branches.ts';
import {
  analyseCfg,
  makePreheaders,
  removeDead,
  removeTrivialPhis,
  removeUnreachable,
  splitCriticalEdges,
} from './cfg.ts';
import { numberValues } from './gvn.ts';
import { orderBlocks } from './layout.ts';
import { hoistInvariants } from './licm.ts';
import { sinkOperations } from './sink.ts';
import { reduceStrength } from './strength.ts';
import { useTpInPlace } from './tp.ts';

/** Leaves the function ready for selectInstructions(). */
export function optimise(f: IrFunction): void {
  removeUnreachable(f);
  removeTrivialPhis(f);
  numberValues(f, analyseCfg(f));
  fuseBranches(f);
  removeDead(f);
  foldAddresses(f);
  numberValues(f, analyseCfg(f));
  removeDead(f);
  const order = makePreheaders(f);
  hoistInvariants(order);
  reduceStrength(f, order);
  removeDead(f);
  splitCriticalEdges(f);
  sinkOperations(analyseCfg(f));
  useTpInPlace(f);
  orderBlocks(f);
}
