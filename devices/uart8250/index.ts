// The UART of the 8250 family and its line interface.
export { Uart8250 } from './uart8250.ts';
export {
  isUart8250Fault,
  UART8250_FAULTS,
  type Uart8250Fault,
  type Uart8250Options,
} from './options.ts';
export {
  isUart8250VariantName,
  UART8250_VARIANT_NAMES,
  UART8250_VARIANTS,
  type TriggerLevels,
  type Uart8250Variant,
  type Uart8250VariantName,
} from './variants.ts';
export { UART8250_STATE_VERSION, type Uart8250State, type UartCounters } from './state.ts';
export type { RegisterView, UartInspection } from './inspect.ts';
export { NO_BAUD_LOOP_NS, NO_BAUD_RX_NS } from './timing.ts';
export { INPUT_QUEUE_CHARACTERS } from './receiver.ts';
export {
  applyLineInput,
  recordingPort,
  type LineInput,
  type LinePort,
  type LineSettings,
  type ModemInputs,
  type ModemOutputs,
  type Parity,
  type ReceivedCharacter,
  type SerialLine,
} from './line.ts';
export { MockLine, type MockLineEvent } from './mock-line.ts';
