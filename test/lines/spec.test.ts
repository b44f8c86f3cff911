import { describe, expect, it } from 'vitest';
import { PrintkitError } from '../../src/errors.ts';
import { parseEndSpec, parseSettingsText } from '../../src/lines/spec.ts';

const plain = { baud: 115200, dataBits: 8, parity: 'none', stopBits: 1 };

describe('ends', () => {
  it.each([
    ['stdio', { kind: 'stdio' }],
    ['null', { kind: 'null' }],
    ['pty', { kind: 'pty', link: undefined }],
    ['pty:./ttyS0', { kind: 'pty', link: './ttyS0' }],
    ['file:a:b', { kind: 'file', path: 'a:b', append: false }],
    ['file:x,append', { kind: 'file', path: 'x', append: true }],
    ['pipe:/tmp/p', { kind: 'pipe', path: '/tmp/p' }],
    [
      'unix:/tmp/s,server',
      { kind: 'socket', address: { path: '/tmp/s' }, server: true, telnet: false },
    ],
    [
      'tcp:127.0.0.1:4555',
      { kind: 'socket', address: { host: '127.0.0.1', port: 4555 }, server: false, telnet: false },
    ],
    [
      'tcp:[::1]:0,server',
      { kind: 'socket', address: { host: '::1', port: 0 }, server: true, telnet: false },
    ],
    [
      'telnet::23',
      { kind: 'socket', address: { host: '127.0.0.1', port: 23 }, server: true, telnet: true },
    ],
    [
      '/dev/ttyUSB0',
      { kind: 'port', path: '/dev/ttyUSB0', settings: plain, fixed: false, rtscts: false },
    ],
    [
      '/dev/ttyUSB0,9600e7,rtscts,fixed',
      {
        kind: 'port',
        path: '/dev/ttyUSB0',
        settings: { baud: 9600, dataBits: 7, parity: 'even', stopBits: 1 },
        fixed: true,
        rtscts: true,
      },
    ],
  ])('%s', (text, spec) => {
    expect(parseEndSpec(text)).toEqual(spec);
  });

  it.each([
    '',
    'pty:',
    'stdio,x',
    'null:1',
    'tcp:',
    'tcp:h',
    'tcp:h:1,x',
    'udp:h:1',
    '/dev/x,fast',
  ])('refuses "%s" by name', (text) => {
    expect(() => parseEndSpec(text)).toThrow(PrintkitError);
    expect(() => parseEndSpec(text)).toThrow(`serial "${text}": `);
  });
});

describe('settings', () => {
  it.each([
    ['300', { ...plain, baud: 300 }],
    ['300n82', { ...plain, baud: 300, stopBits: 2 }],
    ['50O51.5', { baud: 50, parity: 'odd', dataBits: 5, stopBits: 1.5 }],
    ['0', undefined],
    ['0n8', undefined],
    ['115200n9', undefined],
    ['115200x8', undefined],
    ['9600 n8', undefined],
    ['-9600', undefined],
  ])('%s', (text, settings) => {
    expect(parseSettingsText(text)).toEqual(settings);
  });
});
