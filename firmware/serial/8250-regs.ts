// Registers of the 8250 family, by number (address = base + (number << reg_shift)). PC16550D,
// ST16C650A and TL16C750 datasheets. Leaves out the 16850, 16950 and XScale extensions.

/** Receiver buffer (read), transmitter holding (write); divisor low byte while LCR_DLAB. */
export const UART_RX: u32 = 0;
export const UART_TX: u32 = 0;
export const UART_DLL: u32 = 0;
/** Interrupt enable; divisor high byte while LCR_DLAB. */
export const UART_IER: u32 = 1;
export const UART_DLM: u32 = 1;
/** Interrupt identification (read), FIFO control (write); enhanced features while LCR is 0xBF. */
export const UART_IIR: u32 = 2;
export const UART_FCR: u32 = 2;
export const UART_EFR: u32 = 2;
export const UART_LCR: u32 = 3;
export const UART_MCR: u32 = 4;
export const UART_LSR: u32 = 5;
export const UART_MSR: u32 = 6;
export const UART_SCR: u32 = 7;

export const UART_IER_RDI: u32 = 0x01;
export const UART_IER_THRI: u32 = 0x02;
export const UART_IER_RLSI: u32 = 0x04;
export const UART_IER_MSI: u32 = 0x08;
/** 16650 and 16750: sleep when idle. */
export const UART_IERX_SLEEP: u32 = 0x10;

export const UART_IIR_NO_INT: u32 = 0x01;
/** Which interrupt, bits 3:1. */
export const UART_IIR_ID: u32 = 0x0e;
/** 16750: the 64-byte FIFO is on. */
export const UART_IIR_64BYTE_FIFO: u32 = 0x20;

export const UART_FCR_ENABLE_FIFO: u32 = 0x01;
export const UART_FCR_CLEAR_RCVR: u32 = 0x02;
export const UART_FCR_CLEAR_XMIT: u32 = 0x04;
/**
 * Receive interrupt from the highest trigger level on (14 bytes of 16), and by timeout. Linux takes the
 * third (8 bytes), which costs half as much again; here it leaves two characters' time to answer.
 */
export const UART_FCR_R_TRIG_11: u32 = 0xc0;
/** 16750, while DLAB: 64-byte FIFO. */
export const UART_FCR7_64BYTE: u32 = 0x20;

export const UART_LCR_WLEN8: u32 = 0x03;
export const UART_LCR_STOP: u32 = 0x04;
export const UART_LCR_PARITY: u32 = 0x08;
export const UART_LCR_EPAR: u32 = 0x10;
export const UART_LCR_SPAR: u32 = 0x20;
export const UART_LCR_SBC: u32 = 0x40;
export const UART_LCR_DLAB: u32 = 0x80;
/** Not a setting: opens the enhanced register set of a 16650. */
export const UART_LCR_CONF_MODE_B: u32 = 0xbf;

export const UART_MCR_DTR: u32 = 0x01;
export const UART_MCR_RTS: u32 = 0x02;
export const UART_MCR_OUT1: u32 = 0x04;
export const UART_MCR_OUT2: u32 = 0x08;
export const UART_MCR_LOOP: u32 = 0x10;
/** 16550C and 16750: automatic flow control. */
export const UART_MCR_AFE: u32 = 0x20;

export const UART_LSR_DR: u32 = 0x01;
export const UART_LSR_OE: u32 = 0x02;
export const UART_LSR_PE: u32 = 0x04;
export const UART_LSR_FE: u32 = 0x08;
export const UART_LSR_BI: u32 = 0x10;
export const UART_LSR_BRK_ERROR_BITS: u32 = 0x1e;
export const UART_LSR_THRE: u32 = 0x20;
export const UART_LSR_TEMT: u32 = 0x40;
/** Nothing in the holding register and nothing in the shift register. */
export const UART_LSR_BOTH_EMPTY: u32 = 0x60;

export const UART_MSR_DCTS: u32 = 0x01;
export const UART_MSR_DDSR: u32 = 0x02;
export const UART_MSR_TERI: u32 = 0x04;
export const UART_MSR_DDCD: u32 = 0x08;
export const UART_MSR_ANY_DELTA: u32 = 0x0f;
export const UART_MSR_CTS: u32 = 0x10;
export const UART_MSR_DSR: u32 = 0x20;
export const UART_MSR_RI: u32 = 0x40;
export const UART_MSR_DCD: u32 = 0x80;

export const UART_EFR_CTS: u32 = 0x80;
/** Opens IER 7:4, FCR 5:4 and MCR 7:5. */
export const UART_EFR_ECB: u32 = 0x10;
