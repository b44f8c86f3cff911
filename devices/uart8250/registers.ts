// Register offsets and bits of the 8250 family, named as in the datasheets: National PC16550D
// (section 8), TI TL16C750 (AFE, 64-byte mode, sleep) and Exar/Philips 16C650 (EFR, Xon/Xoff).
// Numbers only; what each part does with them is in variants.ts and capabilities.ts.

/** Register selects (A2..A0); the same select can mean several registers, see LCR. */
export const RBR = 0; // read: receiver buffer (head of the receiver FIFO)
export const THR = 0; // write: transmitter holding register (tail of the transmitter FIFO)
export const DLL = 0; // DLAB = 1: divisor latch, low byte
export const IER = 1; // interrupt enable
export const DLM = 1; // DLAB = 1: divisor latch, high byte
export const IIR = 2; // read: interrupt identification
export const FCR = 2; // write: FIFO control
export const EFR = 2; // LCR = 0xBF on the 650: enhanced features
export const LCR = 3; // line control
export const MCR = 4; // modem control
export const XON1 = 4; // LCR = 0xBF on the 650
export const LSR = 5; // line status
export const XON2 = 5; // LCR = 0xBF on the 650
export const MSR = 6; // modem status
export const XOFF1 = 6; // LCR = 0xBF on the 650
export const SCR = 7; // scratch
export const XOFF2 = 7; // LCR = 0xBF on the 650

export const REGISTER_COUNT = 8;

export const IER_ERBFI = 0x01; // received data available, and character timeout
export const IER_ETBEI = 0x02; // transmitter holding register empty
export const IER_ELSI = 0x04; // receiver line status
export const IER_EDSSI = 0x08; // modem status
export const IER_SLEEP = 0x10; // 650, 750: sleep mode
export const IER_LOW_POWER = 0x20; // 750: low-power mode
export const IER_XOFF = 0x20; // 650: Xoff or special character received
export const IER_RTS = 0x40; // 650: RTS went inactive
export const IER_CTS = 0x80; // 650: CTS went inactive

export const IIR_NONE = 0x01; // no interrupt pending
export const IIR_MODEM = 0x00;
export const IIR_THRE = 0x02;
export const IIR_RDA = 0x04;
export const IIR_LINE_STATUS = 0x06;
export const IIR_TIMEOUT = 0x0c; // character timeout, FIFO mode only
export const IIR_XOFF = 0x10; // 650
export const IIR_CTS_RTS = 0x20; // 650
export const IIR_64BYTE = 0x20; // 750: 64-byte FIFOs are enabled
export const IIR_FIFO_BROKEN = 0x80; // 16550: FIFO enabled, but not usable
export const IIR_FIFO = 0xc0; // 16550A and later: FIFO enabled

export const FCR_ENABLE = 0x01;
export const FCR_CLEAR_RCVR = 0x02;
export const FCR_CLEAR_XMIT = 0x04;
export const FCR_DMA = 0x08;
export const FCR_64BYTE = 0x20; // 750, needs DLAB = 1
export const FCR_TX_TRIGGER_SHIFT = 4; // 650, needs EFR.4 = 1
export const FCR_RX_TRIGGER_SHIFT = 6;

export const LCR_WLS = 0x03; // word length - 5
export const LCR_STB = 0x04; // 2 stop bits, 1.5 with 5-bit words
export const LCR_PEN = 0x08; // parity enable
export const LCR_EPS = 0x10; // even parity
export const LCR_STICK = 0x20; // parity bit is the complement of EPS
export const LCR_BREAK = 0x40;
export const LCR_DLAB = 0x80;
export const LCR_EFR_ACCESS = 0xbf; // 650: this exact value opens EFR and the Xon/Xoff registers

export const MCR_DTR = 0x01;
export const MCR_RTS = 0x02;
export const MCR_OUT1 = 0x04;
export const MCR_OUT2 = 0x08;
export const MCR_LOOP = 0x10;
export const MCR_AFE = 0x20; // 550C, 750: auto flow control
export const MCR_XON_ANY = 0x20; // 650
export const MCR_IRDA = 0x40; // 650
export const MCR_CLOCK_DIV4 = 0x80; // 650

export const LSR_DR = 0x01; // data ready
export const LSR_OE = 0x02; // overrun error
export const LSR_PE = 0x04; // parity error
export const LSR_FE = 0x08; // framing error
export const LSR_BI = 0x10; // break interrupt
export const LSR_THRE = 0x20; // transmitter holding register (FIFO) empty
export const LSR_TEMT = 0x40; // transmitter holding and shift registers empty
export const LSR_FIFO_ERROR = 0x80; // FIFO mode: at least one PE, FE or BI in the FIFO

export const LSR_CHAR_ERRORS = LSR_PE | LSR_FE | LSR_BI; // travel with their character
export const LSR_ERRORS = LSR_OE | LSR_CHAR_ERRORS; // cleared by reading LSR

export const MSR_DCTS = 0x01;
export const MSR_DDSR = 0x02;
export const MSR_TERI = 0x04; // trailing edge of RI
export const MSR_DDCD = 0x08;
export const MSR_CTS = 0x10;
export const MSR_DSR = 0x20;
export const MSR_RI = 0x40;
export const MSR_DCD = 0x80;
export const MSR_DELTAS = 0x0f;

export const EFR_RX_FLOW_MASK = 0x03; // compare received characters: 10 = XON1/XOFF1, 01 = XON2/XOFF2
export const EFR_TX_FLOW_SHIFT = 2; // send Xoff/Xon: 10 = XON1/XOFF1, 01 = XON2/XOFF2
export const EFR_ENHANCED = 0x10; // opens IER 7:4, FCR 5:4 and MCR 7:5 for writing
export const EFR_SPECIAL = 0x20; // report a received XOFF2 character
export const EFR_AUTO_RTS = 0x40;
export const EFR_AUTO_CTS = 0x80;

/**
 * Divisor at power-on. Real parts leave it undefined; this is the value that QEMU's 16550A starts
 * with, so that a guest which never sets it behaves the same on both.
 */
export const POWER_ON_DIVISOR = 0x000c;
