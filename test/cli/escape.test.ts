import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHelp, EscapeParser, ESCAPE_KEYS } from '../../src/cli/escape.ts';

function parse(escape: number | undefined, pieces: readonly Uint8Array[]) {
  const events: string[] = [];
  const input: number[] = [];
  const parser = new EscapeParser(escape, {
    input: (bytes) => input.push(...bytes),
    command: (command) => events.push(`${command}@${input.length}`),
    unknown: (key) => events.push(`unknown ${key}`),
  });
  for (const piece of pieces) parser.push(piece);
  return { events, input: String.fromCharCode(...input) };
}

const text = (value: string) => [Buffer.from(value, 'latin1')];

describe('keys', () => {
  it.each(ESCAPE_KEYS)('Ctrl-A $key: $help', ({ key, command }) => {
    expect(parse(1, text(`ab\x01${key}cd`))).toEqual({ events: [`${command}@2`], input: 'abcd' });
  });

  it('counts Ctrl held down, upper case, and ? for help', () => {
    expect(parse(1, text('\x01\x18\x01X\x01?')).events).toEqual(['quit@0', 'quit@0', 'help@0']);
  });

  it('sends the escape key itself when it is typed twice', () => {
    expect(parse(1, text('a\x01\x01b'))).toEqual({ events: [], input: 'a\x01b' });
  });

  it('says so when a key means nothing, and keeps it from the guest', () => {
    expect(parse(1, text('\x01zb'))).toEqual({ events: ['unknown z'], input: 'b' });
  });

  it('can be another key or none', () => {
    expect(parse(2, text('\x01x\x02x')).events).toEqual(['quit@2']);
    expect(parse(undefined, text('\x01x'))).toEqual({ events: [], input: '\x01x' });
  });
});

it('does not depend on how the bytes are cut into pieces', () => {
  const bytes = fc.array(fc.constantFrom(1, 0x61, 0x78, 0x68, 0xff, 0), { maxLength: 40 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 5 }), (all, size) => {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < all.length; at += size) {
        pieces.push(Uint8Array.from(all.slice(at, at + size)));
      }
      expect(parse(1, pieces)).toEqual(parse(1, [Uint8Array.from(all)]));
    }),
  );
});

it('the help has a line for each key', () => {
  const help = escapeHelp(1);
  expect(help).toHaveLength(ESCAPE_KEYS.length + 1);
  for (const { key } of ESCAPE_KEYS) {
    expect(help.some((line) => line.startsWith(`Ctrl-A ${key} `))).toBe(true);
  }
});
