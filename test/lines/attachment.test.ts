// LineAttachment between a UART's port and its ends: back-pressure, order of input, signals.

import { describe, expect, it } from 'vitest';
import type { LinePort, ReceivedCharacter } from '../../devices/uart8250/line.ts';
import { LineAttachment } from '../../src/lines/attachment.ts';
import type { End, EndListener } from '../../src/lines/end.ts';

/** A UART's side that writes down what it is told, and takes as many characters as it has room for. */
class Port implements LinePort {
  readonly told: string[] = [];
  room = 16;
  get receiveRoom(): number {
    return this.room;
  }
  receive({ byte, breakCondition }: ReceivedCharacter): boolean {
    if (this.room === 0) return false;
    this.room--;
    this.told.push(breakCondition === true ? 'BREAK' : String.fromCharCode(byte));
    return true;
  }
  setBreak(on: boolean): void {
    this.told.push(`break ${on}`);
  }
  setModemInputs(inputs: object): void {
    const on = Object.entries(inputs).filter(([, active]) => active === true);
    this.told.push(`inputs ${on.map(([name]) => name).join(' ')}`);
  }
  setReady(ready: boolean): void {
    this.told.push(`ready ${ready}`);
  }
  setRtsFlow(on: boolean): void {
    this.told.push(`rts flow ${on}`);
  }
  injectOverrun(): void {
    this.told.push('overrun');
  }
}

class FakeEnd implements End {
  readonly name = 'fake';
  full = false;
  queuedBytes = 0;
  lostBytes = 0;
  written = '';
  paused = false;
  listener: EndListener | undefined;
  open(listener: EndListener): Promise<void> {
    this.listener = listener;
    return Promise.resolve();
  }
  write(bytes: Uint8Array): void {
    this.written += Buffer.from(bytes).toString('latin1');
  }
  pauseInput(paused: boolean): void {
    this.paused = paused;
  }
  close(): Promise<number> {
    return Promise.resolve(this.queuedBytes);
  }
}

async function attached(...ends: FakeEnd[]): Promise<{ line: LineAttachment; port: Port }> {
  const line = new LineAttachment('serial0', {
    wake: () => undefined,
    notice: () => undefined,
    failed: () => undefined,
  });
  const port = new Port();
  line.setProbe({ pending: () => 16 - port.room, capacity: () => 16 });
  line.connected(port);
  for (const end of ends) await line.add(end);
  port.told.length = 0;
  return { line, port };
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

describe('output', () => {
  it('goes to all ends, in one piece per flush', async () => {
    const ends = [new FakeEnd(), new FakeEnd()];
    const { line } = await attached(...ends);
    for (const byte of bytes('abc')) line.transmit(byte);
    expect(line.unflushedBytes).toBe(3);
    line.flush();
    expect(ends.map(({ written }) => written)).toEqual(['abc', 'abc']);
    expect(line.unflushedBytes).toBe(0);
  });

  it('is held in the UART while any end is full, and told once', async () => {
    const [one, other] = [new FakeEnd(), new FakeEnd()];
    const { line, port } = await attached(one, other);
    line.holdWhileFull();
    other.full = true;
    line.holdWhileFull();
    line.holdWhileFull();
    other.full = false;
    line.holdWhileFull();
    expect(port.told).toEqual(['ready false', 'ready true']);
  });
});

describe('input', () => {
  it('keeps BREAK between the characters around it', async () => {
    const end = new FakeEnd();
    const { line, port } = await attached(end);
    end.listener?.received(bytes('ab'));
    end.listener?.breakReceived();
    end.listener?.breakReceived();
    end.listener?.received(bytes('c'));
    expect(line.feed()).toBe(5);
    end.listener?.breakReceived();
    expect(line.feed()).toBe(1);
    expect(port.told).toEqual(['a', 'b', 'BREAK', 'BREAK', 'c', 'BREAK']);
  });

  it('waits outside of a full receiver', async () => {
    const end = new FakeEnd();
    const { line, port } = await attached(end);
    end.listener?.received(bytes('0123456789abcdefXYZ'));
    expect([line.feed(10), line.feed(), line.feed()]).toEqual([10, 6, 0]);
    expect(line.inputBytes).toBe(3);
    port.room = 2;
    expect(line.feed()).toBe(2);
    expect(port.told.join('')).toBe('0123456789abcdefXY');
  });

  it('from a sender that is too fast stops at 64 KiB, and goes on at 16', async () => {
    const end = new FakeEnd();
    const { line, port } = await attached(end);
    end.listener?.received(new Uint8Array(65536));
    expect(end.paused).toBe(true);
    while (line.inputBytes > 16384) {
      expect(end.paused).toBe(true);
      port.room = 16;
      line.feed();
    }
    expect(end.paused).toBe(false);
  });

  it('of a character that a reset would lose can be taken back', async () => {
    const end = new FakeEnd();
    const { line, port } = await attached(end);
    end.listener?.received(bytes('xy'));
    line.feed(1);
    line.takeBack();
    line.feed();
    expect(port.told).toEqual(['x', 'x', 'y']);
  });
});

describe('signals', () => {
  it('are active when one end holds them, unless the user has decided', async () => {
    const [one, other] = [new FakeEnd(), new FakeEnd()];
    const { line, port } = await attached(one, other);
    one.listener?.modemChanged({ cts: true, dcd: true });
    other.listener?.modemChanged({ dcd: true });
    one.listener?.modemChanged({ cts: false, dcd: false });
    line.setSignals({ cts: true, dcd: false });
    expect(port.told).toEqual(['inputs cts dcd', 'inputs cts dcd', 'inputs dcd', 'inputs cts']);
  });
});
