// A finding as a file: the guest that it is about and the recorded execution. Versioned; what is read is
// checked, as anybody may have written it.

import { UART8250_FAULTS } from '../../devices/uart8250/index.ts';
import { parseLockTable } from '../debug/lock-table.ts';
import { PrintkitError } from '../errors.ts';
import { INJECTIONS } from './machine-model.ts';
import { RECORDING_VERSION, type Places, type Recording } from './recording.ts';
import type { RegionOptions } from './region.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';

const FORMAT = 'printkit finding';

export interface FindingFile {
  readonly format: typeof FORMAT;
  readonly region: RegionOptions;
  /** The verdict, for whoever looks into the file. */
  readonly verdict: string;
  readonly recording: Recording;
}

export function formatFinding(
  region: RegionOptions,
  verdict: string,
  recording: Recording,
): string {
  const file: FindingFile = { format: FORMAT, region, verdict, recording };
  return `${JSON.stringify(file, null, 1)}\n`;
}

/** @throws PrintkitError when it is no finding, or one of another version */
export function parseFinding(text: string, name: string): FindingFile {
  const data = parse(text);
  if (!isObject(data) || data['format'] !== FORMAT) {
    throw new PrintkitError(`${name} is not a finding that printkit explore --out has written`);
  }
  const { region, recording } = data;
  if (isObject(recording) && recording['version'] !== RECORDING_VERSION) {
    throw new PrintkitError(
      `${name} has version ${String(recording['version'])}, this is version ${RECORDING_VERSION}: find it again`,
    );
  }
  if (!isRegion(region) || !isRecording(recording)) {
    throw new PrintkitError(`${name} is damaged: its region or its recording is not complete`);
  }
  const { locks } = region as { readonly locks?: unknown };
  const table = locks === undefined ? {} : { locks: parseLockTable(JSON.stringify(locks), name) };
  const verdict = String(data['verdict']);
  return { format: FORMAT, region: { ...region, ...table }, verdict, recording };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const isOptional = (value: unknown, type: 'string' | 'boolean'): boolean =>
  value === undefined || typeof value === type;

function isRegion(value: unknown): value is RegionOptions {
  if (!isObject(value)) return false;
  const { harts, bootargs, from, until, inject, scenario, script, fault, resets } = value;
  const { messages, verdict } = value;
  return (
    typeof harts === 'number' &&
    [bootargs, from, until].every((text) => typeof text === 'string') &&
    [scenario, script].every((text) => isOptional(text, 'string')) &&
    isOptional(resets, 'boolean') &&
    [messages, verdict].every((flag) => isOptional(flag, 'boolean')) &&
    (fault === undefined || UART8250_FAULTS.some((known) => known === fault)) &&
    Array.isArray(inject) &&
    inject.every((each) => INJECTIONS.some((known) => known === each))
  );
}

function isRecording(value: unknown): value is Recording {
  if (!isObject(value)) return false;
  const { program, waits, turns, repeats } = value;
  return (
    typeof program === 'string' &&
    (repeats === undefined || typeof repeats === 'number') &&
    Array.isArray(waits) &&
    Array.isArray(turns) &&
    turns.every(isTurn)
  );
}

function isTurn(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { agent, steps, instructions, place, occurrence, ahead } = value;
  return (
    typeof agent === 'string' &&
    typeof place === 'string' &&
    [steps, instructions, occurrence].every((number) => typeof number === 'number') &&
    (ahead === null ||
      (isObject(ahead) && typeof ahead['place'] === 'string' && typeof ahead['bytes'] === 'number'))
  );
}

/** Places by the symbols of the guest; addresses without one are written as numbers. */
export function placesOf(symbolizer: Symbolizer): Places {
  return {
    nameOf: (address) => symbolizer.name(address) ?? `0x${(address >>> 0).toString(16)}`,
    addressOf: (place) => {
      const [, name, offset] = /^([^+]+)(?:\+(0x[0-9a-f]+))?$/.exec(place) ?? [];
      if (name === undefined) return undefined;
      const base = /^0x[0-9a-f]+$/.test(name) ? Number(name) : symbolizer.find(name)?.address;
      return base === undefined ? undefined : base + Number(offset ?? 0);
    },
  };
}
