// The table of scenarios: which entry counts, and how outcomes are shown.

import { describe, expect, it } from 'vitest';
import {
  expectedOutcome,
  SCENARIO_CASES,
  type ScenarioCase,
} from '../../src/compare/expectations.ts';
import { scenarioCase, type ScenarioResult } from '../../src/compare/scenario-case.ts';
import { scenarioTable } from '../../src/compare/scenario-table.ts';
import { PrintkitError } from '../../src/errors.ts';

const CASE: ScenarioCase = {
  name: 'x',
  classes: [1],
  expected: {
    default: 'survives',
    store: { logbuf: 'loses' },
    emit: { direct: 'hangs' },
    pair: { 'lockless+direct': 'survives' },
  },
};

describe('the expected outcome', () => {
  it.each([
    ['percpu', 'kthread', 'survives'],
    ['logbuf', 'kthread', 'loses'],
    ['logbuf', 'direct', 'hangs'],
    ['percpu', 'direct', 'hangs'],
    ['lockless', 'direct', 'survives'],
  ] as const)('%s+%s %s', (store, emit, outcome) => {
    expect(expectedOutcome(CASE, store, emit)).toBe(outcome);
  });
});

describe('the catalogue', () => {
  it('has each name once', () => {
    const names = SCENARIO_CASES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('knows its scenarios by name only', () => {
    expect(scenarioCase('sem-up').classes).toEqual([2]);
    expect(() => scenarioCase('sem-down')).toThrow(PrintkitError);
    expect(() => scenarioCase('sem-down')).toThrow(
      'there is no scenario "sem-down", only wakeup-rq',
    );
  });
});

describe('the table', () => {
  const result = (design: string, outcome: ScenarioResult['outcome']): ScenarioResult => ({
    design,
    scenario: 'sem-up',
    outcome,
    stuck:
      outcome === 'hangs' ? [{ hart: 1, lock: 'p->pi_lock', owner: 1, trace: ['spin_lock'] }] : [],
    missing: outcome === 'loses' ? ['no longer affine'] : [],
    text: 'a\nb\nc\nd\ne\nf',
  });

  it('has scenarios that do not fit beside each other below', () => {
    const other = { ...result('petr', 'hangs'), scenario: 'sem-recursion' };
    const both = [result('petr', 'survives'), other];
    expect(scenarioTable(both, 43)).toEqual([
      'design            sem-up    sem-recursion',
      'petr              survives  hangs',
    ]);
    expect(scenarioTable(both, 42)).toEqual([
      'design            sem-up',
      'petr              survives',
      '',
      'design            sem-recursion',
      'petr              hangs',
    ]);
  });

  it('marks what is not expected, and says what happened', () => {
    const table = scenarioTable([
      result('logbuf+direct', 'hangs'),
      result('safe+direct', 'survives'),
      result('logbuf+nbcon', 'hangs'),
      result('safe+nbcon', 'loses'),
      result('percpu+nbcon', 'fails'),
      result('petr', 'hangs'),
      result('printkit', 'hangs'),
    ]);
    expect(table).toEqual([
      'design            sem-up',
      'logbuf+direct     hangs',
      'safe+direct       survives!',
      'logbuf+nbcon      hangs!',
      'safe+nbcon        loses!',
      'percpu+nbcon      fails!',
      'petr              hangs',
      'printkit          hangs!',
      '',
      'safe+direct in sem-up: survives, expected: hangs',
      '',
      'logbuf+nbcon in sem-up: hangs, expected: survives',
      '  hart 1 waiting for p->pi_lock, held by hart 1: spin_lock',
      '',
      'safe+nbcon in sem-up: loses, expected: survives',
      '  not on the wire: no longer affine',
      '',
      'percpu+nbcon in sem-up: fails, expected: survives',
      ...['b', 'c', 'd', 'e', 'f'].map((line) => `  | ${line}`),
      '',
      'printkit in sem-up: hangs, expected: survives',
      '  hart 1 waiting for p->pi_lock, held by hart 1: spin_lock',
    ]);
  });
});
