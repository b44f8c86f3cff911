// RFC 854, 856 to 858 and the parts of RFC 2217 that a line knows.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TelnetCodec } from '../../src/lines/telnet.ts';

const IAC = 255;
const SB = 250;
const SE = 240;
const [WILL, WONT, DO, DONT] = [251, 252, 253, 254];
const BRK = 243;
const [BINARY, ECHO, SGA, STATUS, COM_PORT] = [0, 1, 3, 5, 44];

function setup() {
  const events: string[] = [];
  const data: number[] = [];
  const replies: number[][] = [];
  const codec = new TelnetCodec({
    data: (bytes) => data.push(...bytes),
    breakReceived: () => events.push(`break@${data.length}`),
    modem: (inputs) => events.push(JSON.stringify(inputs)),
    reply: (bytes) => replies.push([...bytes]),
  });
  const decode = (...bytes: number[]) => codec.decode(Uint8Array.from(bytes));
  return { codec, decode, events, data, replies };
}

/** A peer that has agreed to eight clean bits. */
function binary() {
  const peer = setup();
  peer.codec.greet();
  peer.decode(IAC, WILL, BINARY);
  peer.replies.length = 0;
  return peer;
}

describe('data', () => {
  it('comes out as it went in, for all values, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        (bytes, cut) => {
          const { codec, data } = binary();
          const wire = codec.encode(bytes);
          for (let at = 0; at < wire.length; at += cut) codec.decode(wire.slice(at, at + cut));
          expect(data).toEqual([...bytes]);
        },
      ),
    );
  });

  it('0xFF is doubled on the wire', () => {
    expect([...setup().codec.encode(Uint8Array.of(1, IAC, 2))]).toEqual([1, IAC, IAC, 2]);
  });

  it('Enter is CR, whether a client outside of binary mode sends CR NUL or CR LF', () => {
    const { decode, data } = setup();
    decode(0x61, 13, 0, 0x62, 13, 10, 0x63, 13, 0x64);
    expect(data).toEqual([0x61, 13, 0x62, 13, 0x63, 13, 0x64]);
  });

  it('BREAK stands where it was sent', () => {
    const { decode, data, events } = binary();
    decode(0x61, IAC, BRK, 0x68);
    expect({ data, events }).toEqual({ data: [0x61, 0x68], events: ['break@1'] });
  });

  it('any bytes are survived', () => {
    const byte = fc.constantFrom(IAC, SB, SE, WILL, WONT, DO, DONT, BRK, 0, 1, 44, 0x61);
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 200 }), (bytes) => {
        const { decode } = setup();
        decode(...bytes);
      }),
    );
  });
});

describe('options', () => {
  it('a server offers to echo, no go-aheads, and binary both ways', () => {
    const { codec, replies } = setup();
    codec.greet();
    expect(replies).toEqual([
      [IAC, WILL, ECHO],
      [IAC, WILL, SGA],
      [IAC, WILL, BINARY],
      [IAC, DO, SGA],
      [IAC, DO, BINARY],
    ]);
  });

  it('answers are not answered', () => {
    const { codec, decode, replies } = setup();
    codec.greet();
    replies.length = 0;
    decode(IAC, DO, ECHO, IAC, DO, SGA, IAC, DO, BINARY, IAC, WILL, SGA, IAC, WILL, BINARY);
    expect(replies).toEqual([]);
  });

  it('what is not known is refused', () => {
    const { decode, replies } = setup();
    decode(IAC, DO, STATUS, IAC, WILL, STATUS);
    expect(replies).toEqual([
      [IAC, WONT, STATUS],
      [IAC, DONT, STATUS],
    ]);
  });
});

describe('com port control', () => {
  const settings = { baud: 115200, dataBits: 8, parity: 'none', stopBits: 1 } as const;

  it('is agreed to, and tells DTR and RTS', () => {
    const { codec, decode, replies } = binary();
    codec.outputsChanged({ dtr: true, rts: true, out1: false, out2: false });
    decode(IAC, WILL, COM_PORT);
    expect(replies).toEqual([
      [IAC, DO, COM_PORT],
      [IAC, SB, COM_PORT, 107, 0xb0, IAC, SE],
    ]);
  });

  it('answers a request for a rate with the guest’s', () => {
    const { codec, decode, replies } = binary();
    codec.settingsChanged(settings);
    decode(IAC, SB, COM_PORT, 1, 0, 0, 0x25, 0x80, IAC, SE);
    expect(replies).toEqual([[IAC, SB, COM_PORT, 101, 0, 1, 0xc2, 0, IAC, SE]]);
  });

  it('brings BREAK, and DTR and RTS as through a null modem', () => {
    const { decode, events } = binary();
    for (const value of [5, 8, 11, 12, 9]) decode(IAC, SB, COM_PORT, 5, value, IAC, SE);
    expect(events).toEqual([
      'break@0',
      '{"dsr":true,"dcd":true}',
      '{"cts":true}',
      '{"cts":false}',
      '{"dsr":false,"dcd":false}',
    ]);
  });
});
