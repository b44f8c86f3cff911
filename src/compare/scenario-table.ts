// Scenarios by design, as a table for a terminal: what each pair does, and where that is not expected.

import { EMITTERS, STORES } from './designs.ts';
import { expectedOutcome, type Outcome, PROPOSAL } from './expectations.ts';
import { scenarioGrid } from './grid.ts';
import { type ScenarioResult, scenarioCase } from './scenario-case.ts';
import { stuckTexts } from './text.ts';

/** What is expected of a design; undefined for presets other than the proposal: they are pairs. */
export function expectationOf({
  design,
  scenario,
}: Pick<ScenarioResult, 'design' | 'scenario'>): Outcome | undefined {
  if (design === PROPOSAL) return scenarioCase(scenario).expected.proposal ?? 'survives';
  const [store, emit] = design.split('+');
  const knownStore = STORES.find((each) => each === store);
  const knownEmit = EMITTERS.find((each) => each === emit);
  if (knownStore === undefined || knownEmit === undefined) return undefined;
  return expectedOutcome(scenarioCase(scenario), knownStore, knownEmit);
}

export function isUnexpected(result: ScenarioResult): boolean {
  const expected = expectationOf(result);
  return expected !== undefined && expected !== result.outcome;
}

/**
 * Lines, without line ends. A `!` stands behind an outcome that is not the expected one.
 * @param width of the terminal, in columns
 */
export function scenarioTable(results: readonly ScenarioResult[], width?: number): string[] {
  const designs = [...new Set(results.map(({ design }) => design))];
  const scenarios = [...new Set(results.map(({ scenario }) => scenario))];
  const grid = scenarioGrid(
    designs,
    scenarios,
    (design, scenario) => {
      const result = results.find((each) => each.design === design && each.scenario === scenario);
      return result === undefined ? '' : `${result.outcome}${isUnexpected(result) ? '!' : ''}`;
    },
    width,
  );
  return [...grid, ...results.filter(isUnexpected).flatMap(unexpected)];
}

/** So much of the console is shown of a scenario that did not come about. */
const TEXT_LINES = 5;

function unexpected(result: ScenarioResult): string[] {
  const { design, scenario, outcome, missing, stuck, text } = result;
  const console = outcome === 'fails' ? text.split('\n').slice(-TEXT_LINES) : [];
  const expected = expectationOf(result) ?? outcome;
  return [
    '',
    `${design} in ${scenario}: ${outcome}, expected: ${expected}`,
    ...missing.map((text) => `  not on the wire: ${text}`),
    ...stuckTexts(stuck).map((line) => `  ${line}`),
    ...console.map((line) => `  | ${line}`),
  ];
}
