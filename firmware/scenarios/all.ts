// All scenarios, in the order of `list`.

import { register_rq_wakeup } from './rq-wakeup';

/** Boot. */
export function register_all_scenarios(): void {
  register_rq_wakeup();
}
