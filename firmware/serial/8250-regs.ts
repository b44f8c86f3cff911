// Registers of the 8250 family, by number (address = base + (number << reg_shift)). PC16550D datasheet.

/** Receiver buffer (read), transmitter holding (write); divisor low byte while LCR_DLAB. */
export const UART_RX: u32 = 0;
export const UART_TX: u32 = 0;
export const UART_DLL: u32 = 0;
/** Interrupt enable; divisor high byte while LCR_DLAB. */
export const UART_IER: u32 = 1;
export const UART_DLM: u32 = 1;
/** Interrupt identification (read), FIFO control (write). */
export const UART_IIR: u32 = 2;
export const UART_FCR: u32 = 2;
export const UART_LCR: u32 = 3;
export const UART_MCR: u32 = 4;
export const UART_LSR: u32 = 5;
export const UART_MSR: u32 = 6;
export const UART_SCR: u32 = 7;

export const UART_IER_RDI: u32 = 0x01;
export const UART_IER_THRI: u32 = 0x02;
export const UART_IER_RLSI: u32 = 0x04;
export const UART_IER_MSI: u32 = 0x08;

export const UART_IIR_NO_INT: u32 = 0x01;

export const UART_FCR_ENABLE_FIFO: u32 = 0x01;
/** Receive interrupt from 8 bytes on (and by timeout). */
export const UART_FCR_TRIGGER_8: u32 = 0x80;

export const UART_LCR_WLEN8: u32 = 0x03;
export const UART_LCR_DLAB: u32 = 0x80;

export const UART_MCR_DTR: u32 = 0x01;
export const UART_MCR_RTS: u32 = 0x02;
export const UART_MCR_OUT2: u32 = 0x08;

export const UART_LSR_DR: u32 = 0x01;
export const UART_LSR_OE: u32 = 0x02;
export const UART_LSR_PE: u32 = 0x04;
export const UART_LSR_FE: u32 = 0x08;
export const UART_LSR_BI: u32 = 0x10;
export const UART_LSR_THRE: u32 = 0x20;
export const UART_LSR_TEMT: u32 = 0x40;
